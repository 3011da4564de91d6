"""What a classifier computes inside of one forward pass, for losses that look there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from coldpress.data.encoding import Batch
from coldpress.model.classifier import Classifier
from coldpress.model.positions import attention_window, rotary_cos_sin


@dataclass(frozen=True)
class Activations:
    """One forward pass, from the embeddings to the logits.

    Attributes:
        logits: Shape (batch, labels).
        hidden: What goes into the first layer, then what each layer gives: layers + 1 tensors of
            shape (batch, tokens, width).
        queries, keys, values: One tensor of shape (batch, tokens, heads * head size) a layer.
        real: Shape (batch, tokens): true where a token is no padding.
        rotations: By how much a layer turns its queries and keys, as `positions.rotation` says it.
        reaches: How far a layer's tokens see to either side, as `positions.reach` says it.
    """

    logits: Tensor
    hidden: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    real: Tensor
    rotations: tuple[tuple[Tensor, Tensor] | None, ...]
    reaches: tuple[int | None, ...]


ActivationLoss = Callable[[Activations, Activations, Tensor], Tensor]
"""From the states of the fitted model and of its teacher, and row numbers, to a scalar."""


@dataclass(frozen=True)
class TeacherStudentLoss:
    """A loss that looks inside: a teacher reads every batch beside the model that is fitted.

    Attributes:
        teacher: Runs on the same padded batch, in evaluation mode and without gradients.
        loss: Compares the two.
        projections: Fitted along, and left behind afterwards.
    """

    teacher: Classifier
    loss: ActivationLoss
    projections: nn.ModuleList = field(default_factory=nn.ModuleList)


def record_activations(classifier: Classifier, batch: Batch) -> Activations:
    """Run a batch forward and keep what is computed on the way.

    Args:
        classifier: In the mode that is wanted; gradients flow if they are on.
        batch: Padded rows.

    Returns:
        The states, on the classifier's device and in the precision that they were computed in.
    """
    linears = [
        classifier.linear(layer, role)
        for role in ("query", "key", "value")
        for layer in classifier.layers
    ]
    with _record_outputs(linears) as given:
        answered = classifier.module(**classifier.inputs(batch), output_hidden_states=True)
    count = len(classifier.layers)
    queries, keys, values = (
        tuple(given[linear] for linear in linears[start : start + count])
        for start in (0, count, 2 * count)
    )
    real = torch.from_numpy(batch.attention_mask).to(answered.logits.device).bool()
    return Activations(
        answered.logits,
        tuple(answered.hidden_states),
        queries,
        keys,
        values,
        real,
        rotations=tuple(rotary_cos_sin(classifier, n, real.shape[1]) for n in range(count)),
        reaches=tuple(attention_window(classifier, n) for n in range(count)),
    )


@contextmanager
def _record_outputs(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Collect what modules give, whatever the order of their calls."""
    given: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        given[module] = output

    handles = [module.register_forward_hook(record) for module in modules]
    try:
        yield given
    finally:
        for handle in handles:
            handle.remove()
