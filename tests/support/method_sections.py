"""A quick section of every method, for contract tests on tiny models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coldpress.schema.section import Optimization

QUICK = {"student": {"layers": 2}, "epochs": 1, "batch_size": 6, "learning_rate": 1e-3}
PLAN = Optimization(epochs=1, learning_rate=1e-3, batch_size=6)
DISTILLATION: list[dict[str, Any]] = [
    {"method": "logits", **QUICK},
    {"method": "distilbert", **QUICK},
    {"method": "hidden", **QUICK, "layer_epochs": 1},
    {"method": "relations", **QUICK, "relation_epochs": 1, "relation_heads": 4},
    {"method": "static", "width": 8, "neurons": 12, "ngram_rows": 50, "epochs": 1, "batch_size": 6},
    {"method": "convolution", "width": 8, "filters": 12, "epochs": 1, "batch_size": 6},
]
WITHOUT_LAYERS = ("static", "convolution")
"""Methods whose student has no layers."""
PRUNING: list[dict[str, Any]] = [
    {"method": "neurons", "keep_neurons": 0.5},
    {"method": "heads", "keep_heads": 0.5},
    {"method": "layers", "keep_layers": 2, "drop": "importance"},
    {"method": "fisher", "keep_macs": 0.5},
    {"method": "magnitude", "sparsity": 0.5},
    {"method": "movement", "sparsity": 0.5, "growth_epochs": 1},
    {"method": "l0", "keep_parameters": 0.5, "gate_epochs": 1},
    {"method": "vocabulary"},
    {"method": "embeddings", "rank": 4},
]
QUANTIZATION: list[dict[str, Any]] = [
    {"method": "dynamic-int8"},
    {"method": "static-int8"},
    {"method": "smooth"},
    {"method": "k-bit", "bits": 4},
    {"method": "weight-only", "bits": 8, "block_size": 16, "activations": "float32"},
    {"method": "mixed", "max_divergence": 0.1},
    {"method": "qat", "bits": 4, "epochs": 1, "batch_size": 6},
    {"method": "binary", "activation_bits": 4, "epochs": 1, "batch_size": 6},
]


def name_of(section: Mapping[str, Any]) -> str:
    return str(section["method"])
