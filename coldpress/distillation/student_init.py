"""Initialisation of the student from layers of its teacher and their most active parts.

Muralidharan et al. 2024, "Compact Language Models via Pruning and Knowledge Distillation", section
2.2: importance is computed from forward passes over a few texts, without labels or gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.splits import Split
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import remove_hooks
from coldpress.model.surgery import keep_heads, keep_layers, keep_neurons, keep_width

if TYPE_CHECKING:
    from coldpress.distillation.student import StudentShape

SAMPLE_ROWS = 256
_BATCH_SIZE = 32


@dataclass(frozen=True)
class ActivationStats:
    """Sums of absolute activations over unpadded tokens.

    Attributes:
        width: sum |x_i| of the hidden states after the embeddings and every layer; shape (width,).
        heads: Sum of the l2 norms of each head's output; one tensor of shape (heads,) per layer.
        neurons: sum |h_i| after the activation function; one tensor of shape (neurons,) per layer.
    """

    width: Tensor
    heads: tuple[Tensor, ...]
    neurons: tuple[Tensor, ...]


def init_student(teacher: Classifier, shape: StudentShape, rows: Split) -> Classifier:
    """Build a student from parts of its teacher.

    Args:
        teacher: The teacher, or the model that takes its place; not changed.
        shape: Sizes of the student, none larger than the teacher's.
        rows: Texts to measure activations on, if heads, neurons or the width are reduced. At most
            `SAMPLE_ROWS` of them are read, evenly spaced.

    Returns:
        A student of this shape.
    """
    layers = shape.teacher_layers(len(teacher.layers))
    student = keep_layers(teacher, layers)
    if (shape.width, shape.heads, shape.neurons) == (None, None, None):
        return student
    # Labels play no part here, and the last rows may have none.
    sample = replace(rows, targets=()).take(evenly_spaced_rows(len(rows), SAMPLE_ROWS))
    stats = measure_activations(teacher, encode(teacher.tokenizer, sample))
    if shape.heads is not None:
        student = keep_heads(student, [_most_active(stats.heads[i], shape.heads) for i in layers])
    if shape.neurons is not None:
        neurons = [_most_active(stats.neurons[i], shape.neurons) for i in layers]
        student = keep_neurons(student, neurons)
    if shape.width is not None:
        student = keep_width(student, _most_active(stats.width, shape.width))
    return student


def measure_activations(classifier: Classifier, rows: EncodedSplit) -> ActivationStats:
    """Sum up the absolute activations of each part of a model.

    Args:
        classifier: Not changed; in evaluation mode.
        rows: Texts to run it on.

    Returns:
        Sums over the tokens of all rows.
    """
    layers = classifier.layers
    heads = [torch.zeros(shape.heads) for shape in classifier.shapes]
    neurons = [torch.zeros(shape.neurons) for shape in classifier.shapes]
    width = torch.zeros(int(classifier.config.hidden_size))
    attention_outputs = [classifier.linear(layer, "attention_output") for layer in layers]
    downs = [classifier.linear(layer, "down") for layer in layers]
    with torch.inference_mode(), _capture_inputs([*attention_outputs, *downs]) as inputs:
        for batch in rows.batches(_BATCH_SIZE):
            states = record_activations(classifier, batch)
            for state in states.hidden_states:
                width += state[states.token_mask].abs().sum(0).cpu()
            for total, module in zip(heads, attention_outputs, strict=True):
                # (unpadded tokens, heads * head size) -> (unpadded tokens, heads)
                tokens = inputs[module][states.token_mask]
                by_head = tokens.view(len(tokens), -1, classifier.head_size)
                total += by_head.norm(dim=-1).sum(0).cpu()
            for total, module in zip(neurons, downs, strict=True):
                total += inputs[module][states.token_mask].abs().sum(0).cpu()
    return ActivationStats(width, tuple(heads), tuple(neurons))


def _most_active(activations: Tensor, count: int) -> list[int]:
    """Return ascending indices of the largest values; of equal ones, the first."""
    order: list[int] = activations.argsort(descending=True, stable=True).tolist()
    return sorted(order[:count])


@contextmanager
def _capture_inputs(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Record the inputs of modules."""
    inputs: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs[module] = arguments[0]

    with remove_hooks(module.register_forward_pre_hook(record) for module in modules):
        yield inputs
