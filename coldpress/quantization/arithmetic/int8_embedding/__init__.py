"""Embedding tables of integers."""
