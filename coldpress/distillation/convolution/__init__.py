"""Distillation into a convolution over a table of tokens."""
