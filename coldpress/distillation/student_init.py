"""Initialisation of the student from layers, most active parts and principal components.

Muralidharan et al. 2024, "Compact Language Models via Pruning and Knowledge Distillation", section
2.2: the importance of heads and neurons is computed from forward passes over a few texts, without
labels or gradients. A smaller width comes last, see `coldpress.distillation.narrow_width`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.data.splits import Split
from coldpress.distillation.narrow_width import project_width
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import record_inputs
from coldpress.model.low_rank import factor_token_table
from coldpress.model.surgery import keep_heads, keep_layers, keep_neurons

if TYPE_CHECKING:
    from coldpress.distillation.student import StudentShape

SAMPLE_ROWS = 256
_BATCH_SIZE = 32


@dataclass(frozen=True)
class ActivationStats:
    """Sums of absolute activations over unpadded tokens.

    Attributes:
        heads: Sum of the l2 norms of each head's output; one tensor of shape (heads,) per layer.
        neurons: sum |h_i| after the activation function; one tensor of shape (neurons,) per layer.
    """

    heads: tuple[Tensor, ...]
    neurons: tuple[Tensor, ...]


def init_student(teacher: Classifier, shape: StudentShape, rows: Split) -> Classifier:
    """Build a student from parts of its teacher.

    Args:
        teacher: The teacher, or the model that takes its place; not changed.
        shape: Sizes of the student, none larger than the teacher's.
        rows: Texts to measure activations on, if heads, neurons or the width are reduced: at most
            `SAMPLE_ROWS` of them, evenly spaced. Tokens of a factored table are counted in all.

    Returns:
        A student of this shape.
    """
    # Labels play no part here, and the last rows may have none.
    texts = replace(rows, targets=())
    student = _keep_parts(teacher, shape, texts)
    if shape.embedding_rank is None:
        return student
    return factor_token_table(student, shape.embedding_rank, encode(student.tokenizer, texts))


def _keep_parts(teacher: Classifier, shape: StudentShape, rows: Split) -> Classifier:
    """Keep some layers, the most active parts of them, and the first principal components."""
    layers = shape.teacher_layers(len(teacher.layers))
    student = keep_layers(teacher, layers)
    if (shape.width, shape.heads, shape.neurons) == (None, None, None):
        return student
    sample = rows.take(evenly_spaced_rows(len(rows), SAMPLE_ROWS))
    texts = encode(teacher.tokenizer, sample)
    stats = measure_activations(teacher, texts)
    if shape.heads is not None:
        student = keep_heads(student, [_most_active(stats.heads[i], shape.heads) for i in layers])
    if shape.neurons is not None:
        neurons = [_most_active(stats.neurons[i], shape.neurons) for i in layers]
        student = keep_neurons(student, neurons)
    if shape.width is not None:
        student = project_width(student, shape.width, texts)
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
    attention_outputs = [classifier.linear(layer, "attention_output") for layer in layers]
    downs = [classifier.linear(layer, "down") for layer in layers]
    with torch.inference_mode(), record_inputs([*attention_outputs, *downs]) as inputs:
        for batch in rows.batches(_BATCH_SIZE):
            classifier.module(**classifier.inputs(batch))
            mask = torch.from_numpy(batch.attention_mask).bool()
            for total, module in zip(heads, attention_outputs, strict=True):
                # (unpadded tokens, heads * head size) -> (unpadded tokens, heads)
                tokens = inputs[module].cpu()[mask]
                by_head = tokens.view(len(tokens), -1, classifier.head_size)
                total += by_head.norm(dim=-1).sum(0)
            for total, module in zip(neurons, downs, strict=True):
                total += inputs[module].cpu()[mask].abs().sum(0)
    return ActivationStats(tuple(heads), tuple(neurons))


def _most_active(activations: Tensor, count: int) -> list[int]:
    """Return ascending indices of the largest values; of equal ones, the first."""
    order: list[int] = activations.argsort(descending=True, stable=True).tolist()
    return sorted(order[:count])
