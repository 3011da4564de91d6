"""Load and check the dataset of a recipe."""
