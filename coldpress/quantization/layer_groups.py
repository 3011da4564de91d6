"""The parts of a classifier that quantization treats, and tells of, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coldpress.model.classifier import Classifier

LOGITS = "logits"
"""The part that gives them; it keeps the most bits that there may be."""


@dataclass(frozen=True)
class LayerGroup:
    """Modules with weights that lie side by side.

    Attributes:
        name: What a reader calls them, as in `attention of layer 1`.
        paths: Of the linear modules or tables.
        weights: How many there are.
    """

    name: str
    paths: tuple[str, ...]
    weights: int


def group_layers(classifier: Classifier) -> tuple[LayerGroup, ...]:
    """Divide a classifier into parts.

    Args:
        classifier: In float32 or quantized.

    Returns:
        Its parts from the tables to the logits; every table and linear module is in one of them.
    """
    paths: dict[str, list[str]] = {}
    for path, module in classifier.module.named_modules():
        if hasattr(module, "num_embeddings"):
            paths.setdefault("embeddings", []).append(path)
        elif hasattr(module, "in_features"):
            paths.setdefault(_group_name(classifier, path), []).append(path)
    return tuple(
        LayerGroup(name, tuple(there), _count_weights(classifier, there))
        for name, there in paths.items()
    )


def _group_name(classifier: Classifier, path: str) -> str:
    """Name the part that a linear module belongs to."""
    table = classifier.architecture
    inside = path.removeprefix(f"{table.encoder}.{table.layers}.")
    if inside == path:
        return {table.pooler: "pooler", table.output: LOGITS}.get(path, "embedding projection")
    number, _, role = inside.partition(".")
    attention = role in (table.query, table.key, table.value, table.attention_output)
    return f"{'attention' if attention else 'feed-forward'} of layer {int(number) + 1}"


def _count_weights(classifier: Classifier, paths: Sequence[str]) -> int:
    return sum(classifier.module.get_parameter(f"{path}.weight").numel() for path in paths)
