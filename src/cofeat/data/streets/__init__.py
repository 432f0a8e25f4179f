"""Procedural street scenes: an embedded stand-in for a real data set, in Cityscapes' layout.

The way of a scene::

    seed ─► dice ─► layout: what stands where ─► things, each painted onto the canvas
                                                     │ ground, sky
    camera ──────────────────────────────────────────┤
    light: sun, shadow, haze ────────────────────────┤
                                                     ▼
                    canvas: color, label, 1 / distance on a lattice of samples
                       │                │                     │
                    sensor           centres               stereo
                       ▼                ▼                     ▼
                     image          label ids             disparity

Every pixel is the same on every machine: only integers, + - * / and square
roots, comparisons and table look-ups lie on its path.
"""
