"""The way of a feature tensor to bytes and back; no torch."""
