"""Simulated test data of `kind_gates.py`, one module for the kinds of similar outputs."""
