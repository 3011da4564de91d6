"""A student cut out of its teacher: layers as named, the rest by how active it is.

Muralidharan et al. 2024, "Compact Language Models via Pruning and Knowledge Distillation", section
2.2: importance comes from forward passes over a few texts alone, without labels or gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_heads, keep_layers, keep_neurons, keep_width

if TYPE_CHECKING:
    from coldpress.distillation.student import StudentShape

SAMPLE_ROWS = 256
_BATCH_SIZE = 32


@dataclass(frozen=True)
class ActivationStats:
    """How much each part of a model moves, summed over real tokens.

    Attributes:
        width: sum |x_i| of hidden states, embeddings' and every layer's; shape (width,).
        heads: sum of the l2 norms of what a head gives; one tensor of shape (heads,) a layer.
        neurons: sum |h_i| behind the activation function; one tensor of shape (neurons,) a layer.
    """

    width: Tensor
    heads: tuple[Tensor, ...]
    neurons: tuple[Tensor, ...]


def init_student(teacher: Classifier, shape: StudentShape, rows: Split) -> Classifier:
    """Make a student of a teacher's parts.

    Args:
        teacher: The source, left as it is.
        shape: What is wanted; at most what the teacher has.
        rows: Texts to measure activity on; a spread of them is read, and none if only layers go.

    Returns:
        A student of these sizes.
    """
    taken = shape.taken_from(len(teacher.layers))
    student = keep_layers(teacher, taken)
    if (shape.width, shape.heads, shape.neurons) == (None, None, None):
        return student
    chosen = np.linspace(0, len(rows) - 1, min(SAMPLE_ROWS, len(rows))).round().astype(int)
    # Labels count nothing here, and the last rows may have none.
    texts = replace(rows, labels=()).take(chosen.tolist())
    moves = measure_activations(teacher, encode(teacher.tokenizer, texts))
    if shape.heads is not None:
        student = keep_heads(student, [_most_active(moves.heads[i], shape.heads) for i in taken])
    if shape.neurons is not None:
        student = keep_neurons(
            student, [_most_active(moves.neurons[i], shape.neurons) for i in taken]
        )
    return (
        student
        if shape.width is None
        else keep_width(student, _most_active(moves.width, shape.width))
    )


def measure_activations(classifier: Classifier, rows: EncodedSplit) -> ActivationStats:
    """Measure how much each part of a model moves.

    Args:
        classifier: The model, left as it is; in evaluation mode.
        rows: What it reads.

    Returns:
        Sums over the rows' tokens.
    """
    size, layers = classifier.head_size, classifier.layers
    heads = [torch.zeros(shape.heads) for shape in classifier.shapes]
    neurons = [torch.zeros(shape.neurons) for shape in classifier.shapes]
    width = torch.zeros(int(classifier.config.hidden_size))
    attended = [classifier.linear(layer, "attention_output") for layer in layers]
    fed = [classifier.linear(layer, "down") for layer in layers]
    with torch.inference_mode(), _capture_inputs([*attended, *fed]) as seen:
        for batch in rows.batches(_BATCH_SIZE):
            states = record_activations(classifier, batch)
            for state in states.hidden_states:
                width += state[states.token_mask].abs().sum(0).cpu()
            for total, module in zip(heads, attended, strict=True):
                # (real tokens, heads * head size) -> (real tokens, heads)
                given = seen[module][states.token_mask]
                total += given.view(len(given), -1, size).norm(dim=-1).sum(0).cpu()
            for total, module in zip(neurons, fed, strict=True):
                total += seen[module][states.token_mask].abs().sum(0).cpu()
    return ActivationStats(width, tuple(heads), tuple(neurons))


def _most_active(moves: Tensor, count: int) -> list[int]:
    """The most active; of equals, the first."""
    order: list[int] = moves.argsort(descending=True, stable=True).tolist()
    return sorted(order[:count])


@contextmanager
def _capture_inputs(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Collect what goes into modules."""
    seen: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen[module] = arguments[0]

    handles = [module.register_forward_pre_hook(record) for module in modules]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
