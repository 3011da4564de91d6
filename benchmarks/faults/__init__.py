"""The parts of `chaos.py` and `serve_faults.py`, one kind of fault a module."""
