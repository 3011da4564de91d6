"""Search for the bits of each layer group."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import pytest
import torch

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier
from coldpress.quantization import KBit, MixedPrecision
from coldpress.quantization.layer_groups import LayerGroup, group_layers
from coldpress.quantization.mixed.search import lower_greedily, mean_divergence, search_bits
from tests.support.training_contexts import label_context

Fewest = Literal[1, 2, 3, 4]


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def group_bits(classifier: Classifier) -> dict[str, int]:
    bits = {}
    for group in group_layers(classifier):
        modules = [classifier.module.get_submodule(path) for path in group.paths]
        (bits[group.name],) = {int(getattr(module, "bits")) for module in modules}  # noqa: B009
    return bits


def mixed(max_divergence: float, least_bits: Fewest = 2) -> MixedPrecision:
    return MixedPrecision(method="mixed", max_divergence=max_divergence, least_bits=least_bits)


def test_divergence_is_the_mean_over_rows_in_nats() -> None:
    expected = torch.tensor([[0.0, 0.0], [5.0, 1.0]])
    logits = torch.tensor([[math.log(3.0), 0.0], [5.0, 1.0]])
    # The first row: 1/2 log(1/2 / 3/4) + 1/2 log(1/2 / 1/4); the second: zero.
    by_hand = 0.5 * (0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    divergence = mean_divergence(TEXT_CLASSIFICATION, expected, logits)
    assert divergence == pytest.approx(by_hand, rel=1e-5)


def test_the_group_whose_bits_cost_least_is_lowered_first() -> None:
    groups = [
        LayerGroup("large", (), 100),
        LayerGroup("small", (), 10),
        LayerGroup("logits", (), 10),
    ]
    sensitivities = {("large", 4): 0.4, ("large", 2): 2.0, ("small", 4): 0.1, ("small", 2): 0.1}
    # Saving a bit costs 0.4 / 400 in the large group, 0.1 / 40 in the small one, and then nothing.
    assert lower_greedily(groups, sensitivities, [8, 4, 2]) == [
        {"large": 8, "small": 8, "logits": 8},
        {"large": 4, "small": 8, "logits": 8},
        {"large": 4, "small": 4, "logits": 8},
        {"large": 4, "small": 2, "logits": 8},
        {"large": 2, "small": 2, "logits": 8},
    ]


def test_the_bound_is_kept_and_a_larger_one_saves_more_bits(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    before = tiny.logits(rows)
    saved = []
    for bound in (0.01, 0.1, 1.0):
        quantized = mixed(bound).quantize(tiny, label_context(rows))
        assert mean_divergence(TEXT_CLASSIFICATION, before, quantized.logits(rows)) <= bound
        saved.append(
            sum(g.weights * (8 - group_bits(quantized)[g.name]) for g in group_layers(quantized))
        )
    assert saved == sorted(set(saved))
    assert saved[0] > 0


def test_bits_differ_where_sensitivities_do(tiny: Classifier, rows: EncodedSplit) -> None:
    bits = group_bits(mixed(0.2).quantize(tiny, label_context(rows)))
    assert len(set(bits.values())) > 2
    assert bits["logits"] == max(bits.values())


@pytest.mark.parametrize("least", [4, 3])
def test_no_group_has_fewer_than_least_bits(
    least: Fewest, tiny: Classifier, rows: EncodedSplit
) -> None:
    bits = group_bits(mixed(10.0, least).quantize(tiny, label_context(rows)))
    assert set(bits.values()) == {least, cpu.weight_bits()}


def test_a_bound_that_even_the_first_level_exceeds_is_refused(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    message = r"max_divergence: even with 2 bits everywhere the divergence is .*, more than 0\.001"
    with pytest.raises(InputError, match=message):
        search_bits(tiny, rows, 0.001, [2, 1])


def test_equal_models_get_equal_bits(tiny: Classifier, rows: EncodedSplit) -> None:
    first, second = (
        mixed(0.05).quantize(tiny, label_context(rows)).module.state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_one_level_for_all_is_k_bit(tiny: Classifier, rows: EncodedSplit) -> None:
    alike = mixed(10.0, 4).quantize(tiny, label_context(rows))
    assert torch.equal(
        alike.logits(rows),
        KBit(method="k-bit", bits=4).quantize(tiny, label_context(rows)).logits(rows),
    )


def test_rows_are_sampled_evenly(tiny: Classifier, rows: EncodedSplit, tmp_path: Path) -> None:
    sample = rows.sample_evenly(4)
    assert [list(ids) for ids in sample.input_ids] == [
        list(rows.input_ids[i]) for i in (0, 4, 7, 11)
    ]
    assert sample.targets.tolist() == [0, 1, 1, 2]
    assert len(rows.sample_evenly(99)) == 12
