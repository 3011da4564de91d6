"""Importance of heads, neurons and layers for the loss, by first-order Taylor expansion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from coldpress.model.hooks import record_inputs
from coldpress.model.surgery import keep_layers

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.training.step import Loss

BATCH_SIZE = 32


def head_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """Michel et al. 2019, "Are Sixteen Heads Really Better than One?", equation 2.

    I_h = E_x |dL/dxi_h| = E_x |Att_h(x)^T dL/dAtt_h(x)|, where xi_h = 1 would mask head h.

    Args:
        classifier: Not changed.
        sample: Rows to take the expectation over.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (heads,) per layer, each of l2 norm 1, as in the paper.
    """
    raw = head_gradients(classifier, sample, loss)
    return [nn.functional.normalize(layer.abs().mean(0), dim=0) for layer in raw]


def neuron_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """Molchanov et al. 2017, "Pruning Convolutional Neural Networks ...", section 2.2.

    |sum over the tokens of h * dL/dh|, averaged over the examples, where h is the output of the
    activation function.

    Args:
        classifier: Not changed.
        sample: Rows to take the expectation over.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (neurons,) per layer, on one scale for all layers.
    """
    return [layer.abs().mean(0) for layer in neuron_gradients(classifier, sample, loss)]


def head_gradients(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """dL(x)/dm of a mask m = 1 on every head's output, example by example.

    Args:
        classifier: Not changed.
        sample: The examples x.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (rows, heads) per layer.
    """
    return _mask_gradients(classifier, sample, loss, "attention_output", classifier.head_size)


def neuron_gradients(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """dL(x)/dm of a mask m = 1 on every feed-forward neuron's output, example by example.

    Args:
        classifier: Not changed.
        sample: The examples x.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (rows, neurons) per layer.
    """
    return _mask_gradients(classifier, sample, loss, "down", 1)


def random_importance(units: Sequence[int]) -> list[Tensor]:
    """Draw importance at random, from torch's current random state.

    Args:
        units: Number of units of each layer.

    Returns:
        One tensor of shape (units,) per layer.
    """
    return [torch.rand(count) for count in units]


def layer_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> Tensor:
    """Measure by how much the loss grows if a single layer is removed.

    Args:
        classifier: Has at least two layers; not changed.
        sample: Rows to take the mean over.
        loss: A mean over its rows.

    Returns:
        Shape (layers,).
    """
    layers = range(len(classifier.layers))
    shorter = (keep_layers(classifier, [n for n in layers if n != layer]) for layer in layers)
    baseline = _mean_loss(classifier, sample, loss)
    return torch.tensor([_mean_loss(model, sample, loss) - baseline for model in shorter])


def _mean_loss(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> float:
    logits = classifier.logits(sample, BATCH_SIZE)
    total = 0.0
    for start in range(0, len(logits), BATCH_SIZE):
        units = torch.arange(start, min(start + BATCH_SIZE, len(logits)))
        total += float(loss(logits[units], units)) * len(units)
    return total / len(logits)


def most_important(importance: Sequence[Tensor], keep: int, least: int = 1) -> list[list[int]]:
    """Rank the units of all layers together and select the most important ones.

    Args:
        importance: One tensor of shape (units,) per layer.
        keep: Number of units to keep in all layers together.
        least: Number of units to keep in each layer, even if this exceeds `keep`.

    Returns:
        Ascending indices to keep, one list per layer. Of equally important units the first is kept.
    """
    candidates = [
        (rank >= least, -float(units[index]), layer, index)
        for layer, units in enumerate(importance)
        for rank, index in enumerate(units.argsort(descending=True, stable=True).tolist())
    ]
    required = sum(not optional for optional, *_ in candidates)
    selected = sorted(candidates)[: max(keep, required)]
    return [
        sorted(index for *_, n, index in selected if n == layer) for layer in range(len(importance))
    ]


def _mask_gradients(
    classifier: Classifier, sample: EncodedSplit, loss: Loss, role: str, width: int
) -> list[Tensor]:
    """Compute activation^T gradient of every `width` neighbouring inputs of a linear module."""
    linears = [classifier.linear(layer, role) for layer in classifier.layers]
    totals = [torch.zeros(len(sample), linear.in_features // width) for linear in linears]
    with eval_mode(classifier.module), record_inputs(linears) as recorded:
        for batch in sample.batches(BATCH_SIZE):
            rows = torch.from_numpy(batch.rows)
            value = loss(classifier.unit_logits(batch), torch.from_numpy(batch.units))
            inputs = [recorded[linear] for linear in linears]
            gradients = torch.autograd.grad(value, inputs)
            for total, x, gradient in zip(totals, inputs, gradients, strict=True):
                # (batch, tokens, features) -> (batch, features) -> (batch, units)
                features = (x.detach() * gradient).sum(1)
                masks = features.view(len(rows), -1, width).sum(-1)
                # The loss is a mean over the batch's outputs: its gradients are 1/outputs of the
                # sum over each example's.
                total[rows] = masks.cpu() * len(batch.units)
    return totals


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Switch dropout off inside the context.

    Args:
        module: Back in its previous mode afterwards.
    """
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
