"""The network: encoder, bottleneck, Q-layer and the heads of the tasks."""
