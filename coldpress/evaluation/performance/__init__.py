"""Latency, energy and arithmetic cost of a model."""
