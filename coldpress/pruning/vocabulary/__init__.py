"""Vocabulary pruning."""
