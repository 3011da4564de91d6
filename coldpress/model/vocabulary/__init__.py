"""Reduction of a vocabulary to the tokens of some texts."""
