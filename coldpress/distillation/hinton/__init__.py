"""Distillation on soft targets (Hinton, Vinyals & Dean 2015)."""
