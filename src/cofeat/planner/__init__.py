"""Where to run the network: here, in the cloud, or cut in two, and how to code what is sent.

::

    bundle ─► stages ─► profile of the device ─┐
    bundle ─► stages ─► profile of the cloud ──┼─► plan: bytes, latency, energy, accuracy
    rate, delay, loss ─► link ─────────────────┤     of mode x cut x precision x codec
    compute power, radio ─► energy ────────────┘        │
                                                        ├─► choose: best, front, why others lost
                                                        ├─► fleet: what a million devices take
                                                        └─► follow: frame after frame, steadily

After Neurosurgeon (Kang et al., ASPLOS 2017), with feature codecs and the tasks' accuracy beside
latency and energy.
"""
