"""Checkpoints to a bundle: ONNX graphs, an int8 encoder, and what both are worth.

::

    checkpoint ─► graphs ─► int8 ─► parity ─► accuracy ─► bundle
                  (torch)   (calibrated on   (refused     (measured on
                             training images) beyond it)   validation images)
"""
