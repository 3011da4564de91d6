"""Activations of one forward pass, for losses on hidden states and attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from coldpress.data.encoding import Batch
from coldpress.model.classifier import Classifier
from coldpress.model.hooks import remove_hooks


@dataclass(frozen=True)
class Activations:
    """Activations of one forward pass, from the embeddings to the logits.

    Attributes:
        logits: Shape (units, labels).
        hidden_states: The first layer's input, then the output of each layer: layers + 1 tensors
            of shape (batch, tokens, width).
        queries, keys, values: One tensor of shape (batch, tokens, heads * head size) a layer.
        token_mask: Shape (batch, tokens), bool: false for padding.
    """

    logits: Tensor
    hidden_states: Sequence[Tensor]
    queries: Sequence[Tensor]
    keys: Sequence[Tensor]
    values: Sequence[Tensor]
    token_mask: Tensor


ActivationLoss = Callable[[Activations, Activations, Tensor], Tensor]
"""From the activations of student and teacher and unit numbers (units,) to a scalar."""


@dataclass(frozen=True)
class TeacherStudentLoss:
    """A loss between the activations of a student and of its teacher on the same batch.

    Attributes:
        teacher: Runs on the student's padded batch, in evaluation mode and without gradients.
        loss: Compares the two.
        projections: Trained with the student and discarded afterwards.
    """

    teacher: Classifier
    loss: ActivationLoss
    projections: nn.ModuleList = field(default_factory=nn.ModuleList)


def record_activations(classifier: Classifier, batch: Batch) -> Activations:
    """Run a forward pass and record its activations.

    Args:
        classifier: The classifier; neither its training mode nor torch's gradient mode is changed.
        batch: Padded rows.

    Returns:
        The activations, on the classifier's device and in the precision of the forward pass.
    """
    linears = [
        classifier.linear(layer, role)
        for role in ("query", "key", "value")
        for layer in classifier.layers
    ]
    with _record_outputs(linears) as outputs:
        result = classifier.module(**classifier.inputs(batch), output_hidden_states=True)
    layer_count = len(classifier.layers)
    queries, keys, values = (
        tuple(outputs[linear] for linear in linears[start : start + layer_count])
        for start in (0, layer_count, 2 * layer_count)
    )
    mask = torch.from_numpy(batch.attention_mask).to(result.logits.device).bool()
    logits = batch.select_units(result.logits)
    return Activations(logits, tuple(result.hidden_states), queries, keys, values, token_mask=mask)


@contextmanager
def _record_outputs(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Collect the first output of each module, whatever the order in which they are called.

    Attention with relative positions applies a layer's queries and keys to a table as well, after
    it has applied them to the layer's input.
    """
    outputs: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.setdefault(module, output)

    with remove_hooks(module.register_forward_hook(record) for module in modules):
        yield outputs
