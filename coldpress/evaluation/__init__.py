"""What a model costs and how well it does: numbers that can be compared."""
