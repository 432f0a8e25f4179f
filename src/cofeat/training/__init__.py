"""Training: the recipe, the loop, the checkpoints."""
