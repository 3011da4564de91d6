"""Groups of layers that quantization treats and reports as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coldpress.model.architecture import CONVOLUTION_PATH
from coldpress.model.classifier import Classifier
from coldpress.quantization.arithmetic.table import modules_with_weights

LOGITS = "logits"
"""Name of the output layer's group, which keeps the largest number of bits."""


@dataclass(frozen=True)
class LayerGroup:
    """Neighbouring linear modules, or all embedding tables.

    Attributes:
        name: Readable name, such as `attention of layer 1`.
        paths: Paths of the modules.
        weights: Number of weights.
    """

    name: str
    paths: tuple[str, ...]
    weights: int


def group_layers(classifier: Classifier) -> tuple[LayerGroup, ...]:
    """Divide a classifier into groups of layers.

    Args:
        classifier: In float32 or quantized.

    Returns:
        Groups from the embeddings to the logits; every table and linear module is in exactly one.
    """
    paths: dict[str, list[str]] = {}
    for path, module in modules_with_weights(classifier.module).items():
        table = hasattr(module, "num_embeddings")
        name = "embeddings" if table else _group_name(classifier, path)
        paths.setdefault(name, []).append(path)
    return tuple(
        LayerGroup(name, tuple(members), _count_weights(classifier, members))
        for name, members in paths.items()
    )


def _group_name(classifier: Classifier, path: str) -> str:
    """Return the name of a linear module's group."""
    table = classifier.architecture
    head = classifier.output_head
    inside = path.removeprefix(f"{table.encoder}.{table.layers}.")
    if inside == path:
        names = {head.pooler: "pooler", head.output: LOGITS, CONVOLUTION_PATH: "convolution"}
        return names.get(path, "embedding projection")
    number, _, linear = inside.partition(".")
    attention = linear in table.attention.linears.values()
    return f"{'attention' if attention else 'feed-forward'} of layer {int(number) + 1}"


def _count_weights(classifier: Classifier, paths: Sequence[str]) -> int:
    return sum(classifier.module.get_parameter(f"{path}.weight").numel() for path in paths)
