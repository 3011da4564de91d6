"""Structured pruning by learned gates (Xia, Zhong & Chen 2022, CoFi)."""
