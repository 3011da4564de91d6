"""Quantization-aware training: gradients by hand, and training of tiny models."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization import KBit, Qat
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.core.fake_quant import add_hidden_state_loss, to_integers
from coldpress.quantization.core.straight_through import straight_through
from coldpress.quantization.core.trainable_modules import FakeQuantizedLinear, MovingRangeQuantizer
from coldpress.quantization.qat.bit_widths import BitWidths, prepare_qat
from coldpress.training.loop import Epoch, reseed
from tests.support.training_contexts import label_context

QAT = Qat(
    method="qat",
    bits=2,
    epochs=8,
    learning_rate=0.02,
    batch_size=4,
    freeze_embeddings=False,
)
Make = Callable[[str], Classifier]


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def moving_range(low: float, high: float) -> MovingRangeQuantizer:
    return MovingRangeQuantizer(torch.tensor(low), torch.tensor(high), first_token=False)


def build_linear(bits: int, weights: list[float], scale: float) -> FakeQuantizedLinear:
    """Build a linear module with one output, whose input has a step of 1."""
    source = nn.Linear(len(weights), 1)
    source.weight.data = torch.tensor([weights])
    source.bias.data.zero_()
    quantizer = moving_range(0.0, 255.0)
    quantizer.eval()
    linear = FakeQuantizedLinear(source, bits, "channel", quantizer)
    if linear.log_scale is not None:
        linear.log_scale.data.fill_(scale).log_()
    return linear


def test_rounded_values_pass_their_gradient_to_the_exact_ones() -> None:
    exact = torch.tensor([0.4, 1.6], requires_grad=True)
    rounded = straight_through(exact, torch.tensor([0.0, 2.0]))
    torch.autograd.backward((rounded * torch.tensor([3.0, 5.0])).sum())
    assert rounded.tolist() == [0.0, 2.0]
    assert exact.grad is not None
    assert exact.grad.tolist() == [3.0, 5.0]


def test_gradients_of_weights_and_scale_are_those_of_learned_step_sizes() -> None:
    linear = build_linear(3, [0.6, 3.4, 9.0], scale=2.0)
    # Rounded to 0, 2 and (clipped) 3, times 2, times an input of ones.
    output = linear(torch.tensor([1.0, 1.0, 1.0]))
    assert output.item() == pytest.approx(10.0)
    output.backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.flatten().tolist() == pytest.approx([1.0, 1.0, 0.0])
    # Equation 3: -0.3 + 0, -1.7 + 2 and 3; the gradient of the logarithm is twice that.
    assert linear.log_scale is not None
    assert linear.log_scale.grad is not None
    assert linear.log_scale.grad.item() == pytest.approx(2 * (-0.3 + 0.3 + 3.0), abs=1e-5)


def test_one_bit_is_scaled_by_the_mean_magnitude_and_passes_gradients() -> None:
    linear = build_linear(1, [0.5, -1.5, 4.0], scale=1.0)
    output = linear(torch.tensor([1.0, 2.0, 3.0]))
    assert output.item() == pytest.approx(2.0 * (1 - 2 + 3))
    output.backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.flatten().tolist() == pytest.approx([1.0, 2.0, 3.0])


def test_a_moving_range_is_updated_in_training_only() -> None:
    quantizer = moving_range(-1.0, 1.0)
    activation = torch.tensor([[-3.0, 0.0, 101.0]])
    quantizer.eval()(activation)
    assert (quantizer.low.item(), quantizer.high.item()) == (-1.0, 1.0)
    quantizer.train()(activation)
    assert (quantizer.low.item(), quantizer.high.item()) == pytest.approx((-1.02, 2.0))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_integer_modules_give_exactly_the_logits_of_training(
    bits: int, tiny: Classifier, rows: EncodedSplit
) -> None:
    trainable = prepare_qat(tiny, BitWidths(bits, 7, 4, "channel"), rows)
    integers = to_integers(trainable)
    assert torch.equal(integers.logits(rows), trainable.logits(rows))
    kinds = [type(module) for module in integers.module.modules()]
    assert (kinds.count(QuantizedLinear), kinds.count(QuantizedEmbedding)) == (14, 3)
    assert integers.linear(integers.layers[0], "up").bits == bits
    assert integers.module.get_submodule("classifier").bits == 7


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_family_trains_and_its_source_is_unchanged(
    family: str,
    random_classifier: Make,
    cut: Callable[[Classifier], Classifier],
    rows: EncodedSplit,
) -> None:
    source = cut(random_classifier(family))
    before = source.logits(rows)
    curves: dict[str, tuple[Epoch, ...]] = {}
    trained = QAT.quantize(source, label_context(rows, curves.__setitem__))
    assert torch.equal(source.logits(rows), before), "the source has changed"
    losses = [epoch.loss for epoch in curves[""]]
    assert losses[-1] < 0.9 * losses[0]
    assert trained.shapes == source.shapes


def test_training_recovers_loss_from_rounding(tiny: Classifier, rows: EncodedSplit) -> None:
    labels = torch.from_numpy(rows.targets)
    losses = [
        nn.functional.cross_entropy(integers.logits(rows), labels).item()
        for integers in (
            KBit(method="k-bit", bits=2).quantize(tiny, label_context(rows)),
            QAT.model_copy(update={"hidden_states": 0.0}).quantize(tiny, label_context(rows)),
        )
    ]
    assert losses[1] < 0.9 * losses[0]


def test_equal_seeds_train_to_equal_integers(tiny: Classifier, rows: EncodedSplit) -> None:
    states = []
    for _ in range(2):
        reseed(3, "quantize")
        states.append(QAT.quantize(tiny, label_context(rows)).module.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_hidden_states_are_compared_at_real_tokens(tiny: Classifier, rows: EncodedSplit) -> None:
    loss = add_hidden_state_loss(tiny, lambda *_: torch.tensor(2.0), 10.0)
    assert isinstance(loss, TeacherStudentLoss)
    batch = rows.batch([0, 4])
    states = record_activations(tiny, batch)
    assert loss.loss(states, states, torch.tensor([0, 4])).item() == 2.0
    changed = record_activations(tiny, batch)
    # Row 0 has 3 tokens and padding; 4 of the 16 numbers of one token differ by 1 in one state.
    changed.hidden_states[1][0, 0, :4] += 1.0
    changed.hidden_states[1][0, 5] += 100.0
    tokens = int(batch.attention_mask.sum())
    expected = 2.0 + 10.0 * 4 / (tokens * 16)
    assert loss.loss(changed, states, torch.tensor([0, 4])).item() == pytest.approx(expected)


def test_a_weight_of_zero_leaves_the_loss_unchanged(tiny: Classifier, rows: EncodedSplit) -> None:
    loss = label_context(rows).data.loss
    assert add_hidden_state_loss(tiny, loss, 0.0) is loss
