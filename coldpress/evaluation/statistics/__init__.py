"""Intervals and tests for paired predictions."""
