"""Measuring: rate-accuracy points, BD-rate, the report."""
