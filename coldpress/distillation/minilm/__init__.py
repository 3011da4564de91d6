"""Distillation of self-attention relations (Wang et al. 2021, MiniLMv2)."""
