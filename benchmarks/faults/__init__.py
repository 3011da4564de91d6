"""The parts of `chaos.py`, one kind of fault a module."""
