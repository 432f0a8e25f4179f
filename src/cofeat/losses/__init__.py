"""Losses that belong to no single task: compressibility, and the weights between losses."""
