"""cofeat: compressible features for collaborative intelligence.

The way of the data, from the device to the cloud::

    image ──► encoder ──► bottleneck ──► features (C, H, W) float32      device
    (H, W, 3)                               │ quantizer: n-bit integers + range
                                            │ mosaic: one grey image
                                            │ codec: payload bytes
                                            ▼
                                        bitstream ─ ─ ─ ─ ─ ─ ─ ─ ─ ►   the wire
                                            │ codec, mosaic, quantizer, back
                                            ▼
    segmentation, disparity, ◄── heads ◄── features                      cloud
    reconstruction

Importing this package does no work and needs nothing but Python.
"""

__version__ = "0.1.0"
