"""Binary weights and low-bit activations, by hand and on tiny models."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization import Binary
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.bit.convert import binarize
from coldpress.quantization.bit.elastic import ElasticQuantizer
from coldpress.quantization.core.calibration import mean_magnitudes
from coldpress.quantization.core.fake_quant import to_integers
from coldpress.training.loop import Epoch, reseed
from tests.support.training_contexts import label_context

UP = "bert.encoder.layer.0.intermediate.dense"


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def dequantize(quantizer: ElasticQuantizer, activation: list[float]) -> list[float]:
    rounded = quantizer(torch.tensor(activation))
    return (rounded.step * (rounded.integers - rounded.zero)).tolist()  # type: ignore[no-any-return]


def build_quantizer(
    bits: int, *, signed: bool, step: float, threshold: float, width: int
) -> ElasticQuantizer:
    quantizer = ElasticQuantizer(1.0, width, bits, signed=signed)
    quantizer.log_step.data.fill_(step).log_()
    quantizer.threshold.data.fill_(threshold)
    return quantizer


@pytest.mark.parametrize(
    ("bits", "signed", "expected"),
    [
        # The threshold is 1 and the step 2: the boundary between 0 and 1 is half a step above 1.
        (1, False, [0.0, 0.0, 0.0, 2.0, 2.0]),
        (1, True, [-1.0, -1.0, 1.0, 1.0, 1.0]),
        (2, False, [0.0, 0.0, 0.0, 2.0, 6.0]),
        (2, True, [-4.0, 0.0, 0.0, 2.0, 2.0]),
    ],
)
def test_values_are_in_the_two_sets_of_the_paper(
    bits: int, signed: bool, expected: list[float]
) -> None:
    quantizer = build_quantizer(bits, signed=signed, step=2.0, threshold=1.0, width=5)
    assert dequantize(quantizer, [-9.0, 0.5, 1.5, 2.5, 99.0]) == pytest.approx(expected)


def test_gradients_of_a_binary_activation_are_the_papers() -> None:
    """Sums of: 0 and 1 outside of a step, (beta - x) / alpha and 1 - (x - beta) / alpha inside."""
    quantizer = build_quantizer(1, signed=False, step=2.0, threshold=1.0, width=4)
    activation = torch.tensor([0.0, 1.5, 2.5, 9.0], requires_grad=True)
    rounded = quantizer(activation)
    torch.autograd.backward((rounded.step * rounded.integers).sum())
    assert activation.grad is not None
    assert activation.grad.tolist() == pytest.approx([0.0, 1.0, 1.0, 0.0])
    assert quantizer.threshold.grad is not None
    assert quantizer.threshold.grad.tolist() == pytest.approx([0.0, -1.0, -1.0, 0.0])
    assert quantizer.log_step.grad is not None
    assert quantizer.log_step.grad.item() == pytest.approx(2.0 * (0.0 - 0.25 + 0.25 + 1.0))


def test_magnitudes_are_means_over_unpadded_tokens(tiny: Classifier, rows: EncodedSplit) -> None:
    embed = tiny.encoder.get_submodule("embeddings")
    with torch.inference_mode():
        outputs = [embed(torch.from_numpy(ids)[None]).abs().flatten() for ids in rows.input_ids]
    query = "bert.encoder.layer.0.attention.self.query"
    expected = torch.cat(outputs).mean().item()
    assert mean_magnitudes(tiny, rows, 12)[query] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_integer_modules_give_exactly_the_logits_of_training(
    bits: int, tiny: Classifier, rows: EncodedSplit
) -> None:
    trainable = binarize(tiny, bits, 4, rows)
    for name, parameter in trainable.module.named_parameters():
        if name.endswith("threshold"):
            torch.nn.init.normal_(parameter, std=0.2)
    quantized = to_integers(trainable)
    assert torch.equal(quantized.logits(rows), trainable.logits(rows))
    for layer in quantized.layers:
        for role in ("query", "key", "value", "attention_output", "up", "down"):
            module = quantized.linear(layer, role)
            assert set(module.weight.flatten().tolist()) == {-1, 1}
            assert module.get_buffer("activation_largest").item() == 2**bits - 1
    for path in ("bert.pooler.dense", "classifier"):
        assert quantized.module.get_submodule(path).activation_largest is None


def test_each_step_has_a_curve_and_is_taught_by_the_one_before(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    before = tiny.logits(rows)
    method = Binary(method="binary", activation_bits=1, epochs=6, batch_size=4, learning_rate=0.02)
    curves: dict[str, tuple[Epoch, ...]] = {}
    trained = method.quantize(tiny, label_context(rows, curves.__setitem__))
    assert torch.equal(tiny.logits(rows), before), "the source has changed"
    assert list(curves) == ["activations_4_bit", "activations_2_bit", "activations_1_bit"]
    first, second, third = ([epoch.loss for epoch in curve] for curve in curves.values())
    assert first[-1] < 0.9 * first[0]
    assert second[0] < first[0]
    kinds = [type(module) for module in trained.module.modules()]
    assert kinds.count(QuantizedLinear) == 14
    assert len(third) == 6


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_family_is_binarized_and_its_source_is_unchanged(
    family: str,
    random_classifier: Callable[[str], Classifier],
    cut: Callable[[Classifier], Classifier],
    rows: EncodedSplit,
) -> None:
    source = cut(random_classifier(family))
    before = source.logits(rows)
    method = Binary(method="binary", activation_bits=2, epochs=1, batch_size=6)
    quantized = method.quantize(source, label_context(rows))
    assert torch.equal(source.logits(rows), before), "the source has changed"
    assert quantized.shapes == source.shapes
    for layer in quantized.layers:
        for role in quantized.architecture.linears:
            assert set(quantized.linear(layer, role).weight.flatten().tolist()) == {-1, 1}


@pytest.mark.parametrize(("bits", "steps"), [(4, (4,)), (2, (4, 2)), (1, (4, 2, 1))])
def test_the_last_step_has_the_activation_bits_of_the_recipe(
    bits: int, steps: tuple[int, ...]
) -> None:
    section = {"method": "binary", "activation_bits": bits}
    assert Binary.model_validate(section).steps == steps


def test_equal_seeds_train_to_equal_integers(tiny: Classifier, rows: EncodedSplit) -> None:
    method = Binary(method="binary", activation_bits=4, epochs=2, batch_size=6)
    states = []
    for _ in range(2):
        reseed(3, "quantize")
        states.append(method.quantize(tiny, label_context(rows)).module.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
