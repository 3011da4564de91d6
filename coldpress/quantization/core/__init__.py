"""Quantized arithmetic: modules, conversion, packing and storage."""
