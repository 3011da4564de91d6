"""Mixed precision by layer sensitivity."""
