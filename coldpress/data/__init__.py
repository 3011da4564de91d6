"""Datasets: sources, rows, splits, digests and token ids."""
