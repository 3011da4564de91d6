"""Linear modules whose weights have a scale for each block."""
