from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.pruning.importance import head_importance, most_important, neuron_importance
from coldpress.training.step import Loss

scores = st.lists(
    st.lists(st.integers(0, 5).map(float), min_size=1, max_size=6), min_size=1, max_size=4
).map(lambda layers: [torch.tensor(layer) for layer in layers])


def mask_gradients(
    classifier: Classifier, rows: EncodedSplit, loss: Loss, role: str, width: int
) -> list[Tensor]:
    """E_x |dL(x)/dxi| as defined in the papers: explicit masks xi = 1, one example at a time."""
    modules = [classifier.linear(layer, role) for layer in classifier.layers]
    masks = [torch.ones(module.in_features // width, requires_grad=True) for module in modules]

    def masking(mask: Tensor) -> object:
        return lambda _, inputs: inputs[0] * mask.repeat_interleave(width)

    handles = [
        module.register_forward_pre_hook(masking(mask))  # type: ignore[arg-type]
        for module, mask in zip(modules, masks, strict=True)
    ]
    totals = [torch.zeros_like(mask) for mask in masks]
    for row in range(len(rows)):
        logits = classifier.module(**classifier.inputs(rows.batch([row]))).logits
        gradients = torch.autograd.grad(loss(logits, torch.tensor([row])), masks)
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient.abs()
    for handle in handles:
        handle.remove()
    return [total / len(rows) for total in totals]


def test_the_least_important_head_of_all_layers_is_removed() -> None:
    importance = [torch.tensor([0.9, 0.1, 0.7]), torch.tensor([0.5, 0.4, 0.6])]
    assert most_important(importance, 5) == [[0, 2], [0, 1, 2]]
    assert most_important(importance, 3) == [[0, 2], [2]]


def test_the_last_head_of_a_layer_is_kept() -> None:
    importance = [torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0.1, 0.2, 0.0])]
    assert most_important(importance, 3) == [[0, 1], [1]]
    assert most_important(importance, 0) == [[0], [1]]


def test_a_minimum_is_kept_in_every_layer() -> None:
    importance = [torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0.1, 0.2, 0.0])]
    assert most_important(importance, 4, least=2) == [[0, 1], [0, 1]]
    assert most_important(importance, 5, least=2) == [[0, 1, 2], [0, 1]]


def test_of_equally_important_units_the_first_is_kept() -> None:
    assert most_important([torch.ones(3), torch.ones(2)], 3) == [[0, 1], [0]]


@given(importance=scores, keep=st.integers(0, 24), least=st.integers(1, 3))
def test_the_requested_number_is_kept(importance: list[Tensor], keep: int, least: int) -> None:
    stay = most_important(importance, keep, least)
    secured = sum(min(least, len(layer)) for layer in importance)
    available = sum(len(layer) for layer in importance)
    assert sum(len(layer) for layer in stay) == min(max(keep, secured), available)
    for layer, units in zip(stay, importance, strict=True):
        assert min(least, len(units)) <= len(layer)
        assert layer == sorted(set(layer))


@given(importance=scores, keep=st.integers(0, 24))
def test_removed_units_are_less_important_than_kept_ones(
    importance: list[Tensor], keep: int
) -> None:
    for kept_units, units in zip(most_important(importance, keep), importance, strict=True):
        removed = [float(units[i]) for i in range(len(units)) if i not in kept_units]
        assert max(removed, default=0.0) <= min(float(units[i]) for i in kept_units)


def test_head_importance_is_the_mean_size_of_the_masks_gradients(
    tiny: Classifier, rows: EncodedSplit, loss: Loss
) -> None:
    expected = mask_gradients(tiny, rows, loss, "attention_output", width=4)
    for layer, raw in zip(head_importance(tiny, rows, loss), expected, strict=True):
        assert layer.shape == (4,)
        torch.testing.assert_close(layer, raw / raw.square().sum().sqrt())


def test_neuron_importance_is_the_mean_size_of_the_masks_gradients(
    tiny: Classifier, rows: EncodedSplit, loss: Loss
) -> None:
    expected = mask_gradients(tiny, rows, loss, "down", width=1)
    for layer, raw in zip(neuron_importance(tiny, rows, loss), expected, strict=True):
        assert layer.shape == (32,)
        torch.testing.assert_close(layer, raw)


def test_batches_do_not_change_importance(
    tiny: Classifier, rows: EncodedSplit, loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = neuron_importance(tiny, rows, loss)
    monkeypatch.setattr("coldpress.pruning.importance.BATCH_SIZE", 5)
    torch.testing.assert_close(neuron_importance(tiny, rows, loss), together)


def test_unused_units_have_no_importance(tiny: Classifier, rows: EncodedSplit, loss: Loss) -> None:
    tiny.linear(tiny.layers[1], "attention_output").weight.data[:, 8:12] = 0.0
    tiny.linear(tiny.layers[0], "down").weight.data[:, 5] = 0.0
    heads = head_importance(tiny, rows, loss)
    neurons = neuron_importance(tiny, rows, loss)
    assert (heads[1] == 0).nonzero().flatten().tolist() == [2]
    assert (neurons[0] == 0).nonzero().flatten().tolist() == [5]


def test_measuring_ignores_dropout_and_does_not_change_the_model(
    tiny: Classifier, rows: EncodedSplit, loss: Loss
) -> None:
    before = tiny.logits(rows)
    expected = head_importance(tiny, rows, loss)
    tiny.module.train()
    for layer, same in zip(head_importance(tiny, rows, loss), expected, strict=True):
        torch.testing.assert_close(layer, same)
    assert tiny.module.training
    assert all(parameter.grad is None for parameter in tiny.module.parameters())
    assert not any(module._forward_pre_hooks for module in tiny.module.modules())
    assert torch.equal(tiny.logits(rows), before)
