"""Layer-by-layer distillation (Jiao et al. 2020, TinyBERT)."""
