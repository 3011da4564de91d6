"""Classifiers in memory and on disk, and surgery on their weights."""
