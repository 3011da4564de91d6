from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_layers
from coldpress.pruning import Layers
from coldpress.pruning.context import PruningContext
from coldpress.pruning.importance import layer_importance
from coldpress.training.step import Loss


@pytest.fixture
def five(tiny: Classifier) -> Classifier:
    """Five layers; the query bias of layer n is n."""
    deep = tiny.copy()
    deep.layers.extend(deep.copy().layers)
    deep.layers.append(deep.copy().layers[0])
    for number, layer in enumerate(deep.layers):
        deep.linear(layer, "query").bias.data.fill_(number)
    return deep


def numbers(classifier: Classifier) -> list[float]:
    return [classifier.linear(layer, "query").bias[0].item() for layer in classifier.layers]


@pytest.mark.parametrize(
    ("drop", "keep", "stay"),
    [
        ("top", 2, [0, 1]),
        ("bottom", 2, [3, 4]),
        ("alternate", 2, [0, 2]),
        ("alternate", 3, [0, 1, 3]),
        ("alternate", 9, [0, 1, 2, 3, 4]),
    ],
)
def test_layers_to_keep(
    five: Classifier,
    context: PruningContext,
    drop: Literal["top", "bottom", "alternate"],
    keep: int,
    stay: list[int],
) -> None:
    step = Layers(method="layers", keep_layers=keep, drop=drop)
    pruned = step.prune(five, context)
    assert numbers(pruned) == stay
    assert pruned.config.num_hidden_layers == len(stay)


def make_identity(classifier: Classifier, number: int) -> None:
    """Make a layer return its input, up to a normalization."""
    for role in ("attention_output", "down"):
        linear = classifier.linear(classifier.layers[number], role)
        linear.weight.data.zero_()
        linear.bias.data.zero_()


def test_identity_layers_are_removed_first(five: Classifier, context: PruningContext) -> None:
    make_identity(five, 1)
    make_identity(five, 3)
    data = context.data
    expected = five.logits(data.train)
    data = replace(data, loss=lambda logits, rows: (logits - expected[rows]).square().mean())
    own = replace(context, data=data)
    pruned = Layers(method="layers", keep_layers=3, drop="importance").prune(five, own)
    assert numbers(pruned) == [0, 2, 4]
    torch.testing.assert_close(pruned.logits(data.train), expected, atol=1e-4, rtol=1e-4)


def test_importance_is_the_increase_of_the_loss(
    tiny: Classifier, rows: EncodedSplit, loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldpress.pruning.importance.BATCH_SIZE", 5)
    every = torch.arange(12)
    whole = loss(tiny.logits(rows), every)
    without = [loss(keep_layers(tiny, [stays]).logits(rows), every) - whole for stays in (1, 0)]
    torch.testing.assert_close(layer_importance(tiny, rows, loss), torch.stack(without))
