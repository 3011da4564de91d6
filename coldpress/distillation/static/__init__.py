"""Distillation into a static model, which has no layers."""
