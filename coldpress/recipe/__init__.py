"""Recipes: loading, validation and checks before a run."""
