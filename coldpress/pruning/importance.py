"""How much the loss would miss a head or a neuron: the first-order Taylor criterion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from coldpress.model.surgery import keep_layers

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.training.loop import Loss

BATCH_SIZE = 32


def head_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """Michel et al. 2019, "Are Sixteen Heads Really Better than One?", equation 2.

    I_h = E_x |dL/dxi_h| = E_x |Att_h(x)^T dL/dAtt_h(x)|, where xi_h = 1 would mask head h.

    Args:
        classifier: The model, left as it is.
        sample: Rows to take the expectation over.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (heads,) a layer, each of l2 norm 1, as in the paper.
    """
    raw = head_gradients(classifier, sample, loss)
    return [nn.functional.normalize(layer.abs().mean(0), dim=0) for layer in raw]


def neuron_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """Molchanov et al. 2017, "Pruning Convolutional Neural Networks ...", section 2.2.

    |sum over the tokens of h * dL/dh|, averaged over the examples, h being what the activation
    function gives.

    Args:
        classifier: The model, left as it is.
        sample: Rows to take the expectation over.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (neurons,) a layer, on one scale for all layers.
    """
    return [layer.abs().mean(0) for layer in neuron_gradients(classifier, sample, loss)]


def head_gradients(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """dL(x)/dm of a mask m = 1 on every head's output, example by example.

    Args:
        classifier: The model, left as it is.
        sample: The examples x.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (rows, heads) a layer.
    """
    return _mask_gradients(classifier, sample, loss, "attention_output", classifier.head_size)


def neuron_gradients(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> list[Tensor]:
    """dL(x)/dm of a mask m = 1 on every feed-forward neuron's output, example by example.

    Args:
        classifier: The model, left as it is.
        sample: The examples x.
        loss: A mean over its rows.

    Returns:
        One tensor of shape (rows, neurons) a layer.
    """
    return _mask_gradients(classifier, sample, loss, "down", 1)


def random_importance(units: Sequence[int]) -> list[Tensor]:
    """Rank by chance, from torch's current random state.

    Args:
        units: How many there are, a number a layer.

    Returns:
        One tensor of shape (units,) a layer.
    """
    return [torch.rand(count) for count in units]


def layer_importance(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> Tensor:
    """By how much the loss grows when a layer is skipped, each by itself.

    Args:
        classifier: A model of two layers or more, left as it is.
        sample: Rows to take the mean over.
        loss: A mean over its rows.

    Returns:
        Shape (layers,).
    """
    layers = range(len(classifier.layers))
    skipped = (keep_layers(classifier, [at for at in layers if at != layer]) for layer in layers)
    whole = _mean_loss(classifier, sample, loss)
    return torch.tensor([_mean_loss(shorter, sample, loss) - whole for shorter in skipped])


def _mean_loss(classifier: Classifier, sample: EncodedSplit, loss: Loss) -> float:
    logits = classifier.logits(sample, BATCH_SIZE)
    total = 0.0
    for start in range(0, len(sample), BATCH_SIZE):
        rows = torch.arange(start, min(start + BATCH_SIZE, len(sample)))
        total += float(loss(logits[rows], rows)) * len(rows)
    return total / len(sample)


def most_important(importance: Sequence[Tensor], keep: int, least: int = 1) -> list[list[int]]:
    """Rank the units of all layers together.

    Args:
        importance: One tensor of shape (units,) a layer.
        keep: How many units stay in all layers together.
        least: How many stay in a layer at any rate, even if `keep` is exceeded by it.

    Returns:
        The indices that stay, ascending, one list a layer. Of equals, the first stays.
    """
    candidates = [
        (rank >= least, -float(units[index]), layer, index)
        for layer, units in enumerate(importance)
        for rank, index in enumerate(units.argsort(descending=True, stable=True).tolist())
    ]
    secured = sum(not beyond for beyond, *_ in candidates)
    stay = sorted(candidates)[: max(keep, secured)]
    return [
        sorted(index for *_, at, index in stay if at == layer) for layer in range(len(importance))
    ]


def _mask_gradients(
    classifier: Classifier, sample: EncodedSplit, loss: Loss, role: str, width: int
) -> list[Tensor]:
    """activation^T gradient of every `width` neighbouring inputs of a linear module."""
    linears = [classifier.linear(layer, role) for layer in classifier.layers]
    found = [torch.zeros(len(sample), linear.in_features // width) for linear in linears]
    with eval_mode(classifier.module), capture_inputs(linears) as inputs:
        for batch in sample.batches(BATCH_SIZE):
            inputs.clear()
            rows = torch.from_numpy(batch.rows)
            value = loss(classifier.module(**classifier.inputs(batch)).logits, rows)
            for layer, x, gradient in zip(
                found, inputs, torch.autograd.grad(value, inputs), strict=True
            ):
                # (batch, tokens, features) -> (batch, features) -> (batch, units)
                features = (x.detach() * gradient).sum(1)
                each = features.view(len(rows), -1, width).sum(-1)
                # The loss is a mean over the batch: its gradients are 1/batch of each example's.
                layer[rows] = each.cpu() * len(rows)
    return found


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Switch dropout off for a while.

    Args:
        module: Given back as it was.
    """
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)


@contextmanager
def capture_inputs(modules: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what goes into modules, in the order of their calls.

    Args:
        modules: Parts of a model that is about to answer.

    Yields:
        A list that grows; whoever reads it clears it.
    """
    seen: list[Tensor] = []

    def record(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])

    handles = [module.register_forward_pre_hook(record) for module in modules]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
