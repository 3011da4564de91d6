"""Training while numbers are rounded: gradients by hand, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lessons import lessons_on
from torch import nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.quantization import KBit, Qat
from coldpress.quantization.core.fake_quant import add_hidden_state_loss, to_integers
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear
from coldpress.quantization.core.straight_through import straight_through
from coldpress.quantization.core.trainable_modules import FakeQuantizedLinear, MovingRangeQuantizer
from coldpress.quantization.qat.bit_widths import BitWidths, prepare_qat
from coldpress.training.loop import reseed

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


def bytes_from(low: float, high: float) -> MovingRangeQuantizer:
    return MovingRangeQuantizer(torch.tensor(low), torch.tensor(high), first_token=False)


def by_hand(bits: int, weights: list[float], scale: float) -> FakeQuantizedLinear:
    """One output, whose input has a step of 1."""
    source = nn.Linear(len(weights), 1)
    source.weight.data = torch.tensor([weights])
    source.bias.data.zero_()
    moving = bytes_from(0.0, 255.0)
    moving.eval()
    made = FakeQuantizedLinear(source, bits, "channel", moving)
    if made.log_scale is not None:
        made.log_scale.data.fill_(scale).log_()
    return made


def test_what_is_rounded_goes_on_and_its_gradient_goes_back() -> None:
    exact = torch.tensor([0.4, 1.6], requires_grad=True)
    passed = straight_through(exact, torch.tensor([0.0, 2.0]))
    torch.autograd.backward((passed * torch.tensor([3.0, 5.0])).sum())
    assert passed.tolist() == [0.0, 2.0]
    assert exact.grad is not None
    assert exact.grad.tolist() == [3.0, 5.0]


def test_gradients_of_weights_and_scale_are_those_of_learned_step_sizes() -> None:
    linear = by_hand(3, [0.6, 3.4, 9.0], scale=2.0)
    # Rounded to 0, 2 and, cut, 3: times 2, times an input of ones.
    answer = linear(torch.tensor([1.0, 1.0, 1.0]))
    assert answer.item() == pytest.approx(10.0)
    answer.backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.flatten().tolist() == pytest.approx([1.0, 1.0, 0.0])
    # Equation 3: -0.3 + 0, -1.7 + 2 and 3; the logarithm's is twice that.
    assert linear.log_scale is not None
    assert linear.log_scale.grad is not None
    assert linear.log_scale.grad.item() == pytest.approx(2 * (-0.3 + 0.3 + 3.0), abs=1e-5)


def test_one_bit_has_the_mean_for_a_scale_and_passes_gradients_on() -> None:
    linear = by_hand(1, [0.5, -1.5, 4.0], scale=1.0)
    answer = linear(torch.tensor([1.0, 2.0, 3.0]))
    assert answer.item() == pytest.approx(2.0 * (1 - 2 + 3))
    answer.backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.flatten().tolist() == pytest.approx([1.0, 2.0, 3.0])


def test_a_range_follows_slowly_and_only_in_training() -> None:
    moving = bytes_from(-1.0, 1.0)
    seen = torch.tensor([[-3.0, 0.0, 101.0]])
    moving.eval()(seen)
    assert (moving.low.item(), moving.high.item()) == (-1.0, 1.0)
    moving.train()(seen)
    assert (moving.low.item(), moving.high.item()) == pytest.approx((-1.02, 2.0))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_what_it_settles_to_gives_the_very_answers_that_training_saw(
    bits: int, tiny: Classifier, rows: EncodedSplit
) -> None:
    learnt = prepare_qat(tiny, BitWidths(bits, 7, 4, "channel"), rows)
    made = to_integers(learnt)
    assert torch.equal(made.logits(rows), learnt.logits(rows))
    kinds = [type(module) for module in made.module.modules()]
    assert (kinds.count(QuantizedLinear), kinds.count(QuantizedEmbedding)) == (14, 3)
    assert made.linear(made.layers[0], "up").bits == bits
    assert made.module.get_submodule("classifier").bits == 7


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_every_family_learns_and_its_source_stays(
    family: str,
    random_classifier: Make,
    cut: Callable[[Classifier], Classifier],
    rows: EncodedSplit,
) -> None:
    source = cut(random_classifier(family))
    before = source.logits(rows)
    trained = QAT.train(source, lessons_on(rows))
    assert torch.equal(source.logits(rows), before), "the source has changed"
    losses = [epoch.loss for epoch in trained.epochs[""]]
    assert losses[-1] < 0.9 * losses[0]
    assert trained.classifier.shapes == source.shapes


def test_training_wins_back_what_rounding_alone_has_lost(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    labels = torch.from_numpy(rows.labels)
    losses = [
        nn.functional.cross_entropy(made.logits(rows), labels).item()
        for made in (
            KBit(method="k-bit", bits=2).quantize(tiny, rows),
            QAT.model_copy(update={"hidden_states": 0.0}).train(tiny, lessons_on(rows)).classifier,
        )
    ]
    assert losses[1] < 0.9 * losses[0]


def test_equal_seeds_train_to_equal_integers(tiny: Classifier, rows: EncodedSplit) -> None:
    states = []
    for _ in range(2):
        reseed(3, "quantize")
        states.append(QAT.train(tiny, lessons_on(rows)).classifier.module.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_hidden_states_count_at_real_tokens(tiny: Classifier, rows: EncodedSplit) -> None:
    loss = add_hidden_state_loss(tiny, lambda *_: torch.tensor(2.0), 10.0)
    assert isinstance(loss, TeacherStudentLoss)
    batch = rows.batch([0, 4])
    states = record_activations(tiny, batch)
    assert loss.loss(states, states, torch.tensor([0, 4])).item() == 2.0
    moved = record_activations(tiny, batch)
    # Row 0 has 3 tokens and is padded; 4 more of its 16 numbers are off by 1 in one of 3 states.
    moved.hidden_states[1][0, 0, :4] += 1.0
    moved.hidden_states[1][0, 5] += 100.0
    tokens = int(batch.attention_mask.sum())
    expected = 2.0 + 10.0 * 4 / (tokens * 16)
    assert loss.loss(moved, states, torch.tensor([0, 4])).item() == pytest.approx(expected)


def test_without_their_weight_no_states_are_compared(tiny: Classifier, rows: EncodedSplit) -> None:
    loss = lessons_on(rows).loss
    assert add_hidden_state_loss(tiny, loss, 0.0) is loss
