"""Outliers move from activations into weights; the logits stay the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization import SmoothQuant, StaticInt8
from coldpress.quantization.core.calibration import channel_ranges
from coldpress.quantization.core.int8 import scale_and_zero_point
from coldpress.quantization.core.smoothed_linear import SmoothedLinear
from coldpress.quantization.smoothquant.migration import (
    migrate_outliers,
    smoothing_scale,
    smoothing_sites,
)
from tests.support.training_contexts import label_context

SMOOTH = SmoothQuant(method="smooth", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def test_the_smoothing_scale_is_equation_4() -> None:
    inputs, weights = torch.tensor([16.0, 9.0, 0.0, 5.0]), torch.tensor([4.0, 1.0, 2.0, 0.0])
    assert smoothing_scale(inputs, weights, 0.5).tolist() == [2.0, 3.0, 1.0, 1.0]
    assert smoothing_scale(inputs, weights, 1.0).tolist() == [16.0, 9.0, 1.0, 1.0]
    assert smoothing_scale(inputs, weights, 0.0).tolist() == [0.25, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("multiply", [True, False])
@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_smoothing_changes_no_logits_of_any_family(
    family: str,
    multiply: bool,
    random_classifier: Callable[[str], Classifier],
    cut: Callable[[Classifier], Classifier],
    rows: EncodedSplit,
) -> None:
    source = cut(random_classifier(family))
    before = source.logits(rows)
    channels = channel_ranges(source, rows, 12)
    smoothed, _ = migrate_outliers(source, channels, 0.5, multiply=multiply)
    assert (smoothed.logits(rows) - before).abs().max() < 1e-5 * before.abs().max()
    assert torch.equal(source.logits(rows), before), "the source has changed"
    # Two layers, each with queries, keys, values, up and down. With pre-normalization the producer
    # is divided instead, except for ModernBERT's first queries, keys and values; with a gate, so is
    # down's.
    kinds = [isinstance(module, SmoothedLinear) for module in smoothed.module.modules()]
    multiplied = {"modernbert": 3, "eurobert": 0}.get(family, 10)
    assert sum(kinds) == (multiplied if multiply else 0)


@pytest.mark.parametrize(
    ("family", "activation", "producers"),
    [
        ("bert", "gelu", {"value": "attention_output", "norm": "pooler"}),
        ("bert", "relu", {"value": "attention_output", "norm": "pooler", "up": "down"}),
        ("electra", "gelu", {"value": "attention_output", "norm": "pooler", "tables": "first"}),
        ("distilbert", "gelu", {"value": "attention_output", "norm": "pooler", "pooler": "output"}),
    ],
)
def test_only_modules_that_nothing_else_reads_are_divided(
    family: str,
    activation: str,
    producers: dict[str, str],
    random_classifier: Callable[[str], Classifier],
) -> None:
    source = random_classifier(family)
    table = source.architecture
    setattr(source.config, table.config_keys.activation, activation)
    last = f"{table.encoder}.{table.layers}.2"
    places = {
        "norm": f"{last}.{table.norms.feed_forward}",
        "tables": f"{table.encoder}.{table.embeddings.norm}",
        "first": f"{table.encoder}.{table.embeddings.projection}",
        "pooler": table.classification_head.pooler,
        "output": table.classification_head.output,
    } | {role: f"{last}.{table.linears[role]}" for role in ("value", "attention_output")}
    places |= {role: f"{last}.{table.linears[role]}" for role in ("up", "down")}
    below = tuple(f"{table.layers}.{layer}." for layer in (0, 1))
    sites = {
        site.producer: site.consumers
        for site in smoothing_sites(source)
        if site.producer and not any(part in site.producer for part in below)
    }
    assert sites == {places[producer]: (places[reader],) for producer, reader in producers.items()}


def test_an_outlier_costs_less_once_it_is_smoothed(tiny: Classifier, rows: EncodedSplit) -> None:
    norm = tiny.layers[0].get_submodule(tiny.architecture.norms.attention)
    norm.get_parameter("weight").data[5] = 60.0
    exact, static, smooth = (
        up_output(model, rows)
        for model in (
            tiny,
            STATIC.quantize(tiny, label_context(rows)),
            SMOOTH.quantize(tiny, label_context(rows)),
        )
    )
    assert (smooth - exact).abs().mean() < (static - exact).abs().mean() / 2


def up_output(classifier: Classifier, rows: EncodedSplit) -> torch.Tensor:
    outputs: list[torch.Tensor] = []
    up = classifier.linear(classifier.layers[0], "up")
    hook = up.register_forward_hook(lambda _, __, output: outputs.append(output))
    classifier.logits(rows)
    hook.remove()
    return outputs[0]


def test_the_activation_range_is_that_of_the_smoothed_input(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = SMOOTH.quantize(tiny, label_context(rows))
    channels = channel_ranges(tiny, rows, 12)
    up = quantized.linear(quantized.layers[0], "up")
    low, high = channels["bert.encoder.layer.0.intermediate.dense"]
    scale = up.get_buffer("input_scale")
    expected, _ = scale_and_zero_point((low * scale).amin(), (high * scale).amax())
    assert torch.allclose(up.get_buffer("activation_scale"), expected)
    assert not torch.allclose(scale, torch.ones(16))


def test_without_a_multiplication_none_is_in_the_classifier(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    plain = SmoothQuant(method="smooth", weight_bits=7, multiply=False).quantize(
        tiny, label_context(rows)
    )
    assert not [name for name in plain.module.state_dict() if name.endswith("input_scale")]
    static = STATIC.quantize(tiny, label_context(rows))
    assert not torch.equal(plain.logits(rows), static.logits(rows))
