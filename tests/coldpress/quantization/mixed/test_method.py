"""Which parts give up which bits."""

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
from coldpress.model.classifier import Classifier
from coldpress.quantization import KBit, MixedPrecision
from coldpress.quantization.layer_groups import LayerGroup, group_layers
from coldpress.quantization.mixed.search import lower_greedily, mean_kl_divergence, search_bits

Fewest = Literal[1, 2, 3, 4]


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def bits(classifier: Classifier) -> dict[str, int]:
    found = {}
    for part in group_layers(classifier):
        modules = [classifier.module.get_submodule(path) for path in part.paths]
        (found[part.name],) = {int(getattr(module, "bits")) for module in modules}  # noqa: B009
    return found


def mixed(max_divergence: float, least_bits: Fewest = 2) -> MixedPrecision:
    return MixedPrecision(method="mixed", max_divergence=max_divergence, least_bits=least_bits)


def test_divergence_is_the_mean_over_rows_in_nats() -> None:
    expected = torch.tensor([[0.0, 0.0], [5.0, 1.0]])
    found = torch.tensor([[math.log(3.0), 0.0], [5.0, 1.0]])
    # The first row: 1/2 log(1/2 / 3/4) + 1/2 log(1/2 / 1/4); the second: nothing.
    by_hand = 0.5 * (0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert mean_kl_divergence(expected, found) == pytest.approx(by_hand, rel=1e-5)


def test_the_part_whose_bits_cost_least_is_lowered_first() -> None:
    whole = [
        LayerGroup("large", (), 100),
        LayerGroup("small", (), 10),
        LayerGroup("logits", (), 10),
    ]
    costs = {("large", 4): 0.4, ("large", 2): 2.0, ("small", 4): 0.1, ("small", 2): 0.1}
    # A bit saved costs 0.4 / 400 in the large part, 0.1 / 40 in the small one, and then nothing.
    assert lower_greedily(whole, costs, [8, 4, 2]) == [
        {"large": 8, "small": 8, "logits": 8},
        {"large": 4, "small": 8, "logits": 8},
        {"large": 4, "small": 4, "logits": 8},
        {"large": 4, "small": 2, "logits": 8},
        {"large": 2, "small": 2, "logits": 8},
    ]


def test_the_stated_loss_is_kept_and_more_of_it_saves_more(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    before, saved = tiny.logits(rows), []
    for most in (0.01, 0.1, 1.0):
        quantized = mixed(most).quantize(tiny, rows)
        assert mean_kl_divergence(before, quantized.logits(rows)) <= most
        saved.append(
            sum(p.weights * (8 - bits(quantized)[p.name]) for p in group_layers(quantized))
        )
    assert saved == sorted(set(saved))
    assert saved[0] > 0


def test_bits_differ_where_sensitivities_do(tiny: Classifier, rows: EncodedSplit) -> None:
    found = bits(mixed(0.2).quantize(tiny, rows))
    assert len(set(found.values())) > 2
    assert found["logits"] == max(found.values())


@pytest.mark.parametrize("least", [4, 3])
def test_no_part_has_fewer_bits_than_it_may(
    least: Fewest, tiny: Classifier, rows: EncodedSplit
) -> None:
    found = bits(mixed(10.0, least).quantize(tiny, rows))
    assert set(found.values()) == {least, cpu.weight_bits()}


def test_a_loss_that_all_bits_exceed_is_refused(tiny: Classifier, rows: EncodedSplit) -> None:
    with pytest.raises(InputError, match=r"max_divergence: 2 bits everywhere diverge by .* 0\.001"):
        search_bits(tiny, rows, 0.001, [2, 1])


def test_equal_models_get_equal_bits(tiny: Classifier, rows: EncodedSplit) -> None:
    first, second = (mixed(0.05).quantize(tiny, rows).module.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_one_level_for_all_is_k_bit(tiny: Classifier, rows: EncodedSplit) -> None:
    alike = mixed(10.0, 4).quantize(tiny, rows)
    assert torch.equal(
        alike.logits(rows), KBit(method="k-bit", bits=4).quantize(tiny, rows).logits(rows)
    )


def test_only_some_rows_are_asked(tiny: Classifier, rows: EncodedSplit, tmp_path: Path) -> None:
    spread = rows.spread(4)
    assert [list(ids) for ids in spread.input_ids] == [
        list(rows.input_ids[i]) for i in (0, 4, 7, 11)
    ]
    assert spread.labels.tolist() == [0, 1, 1, 2]
    assert len(rows.spread(99)) == 12
