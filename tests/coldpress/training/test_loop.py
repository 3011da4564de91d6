from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.errors import DivergedError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier, accuracy
from coldpress.schema.section import Optimization
from coldpress.training.freezing import only_first_token
from coldpress.training.loop import (
    _learning_rate_factor,
    _length_grouped_batches,
    fit,
    label_loss,
    reseed,
)

PLAN = Optimization(epochs=30, learning_rate=1e-2, batch_size=4)


@pytest.fixture
def rows(tiny: Classifier) -> EncodedSplit:
    """Twelve rows whose first word gives the label away."""
    texts = tuple(f"{('cold', 'oil', 'warm')[n % 3]}{' slow' * (n % 4)}" for n in range(12))
    ids = tuple(str(n) for n in range(12))
    return encode(tiny.tokenizer, Split(ids, texts, None, tuple(n % 3 for n in range(12))))


def test_it_learns_what_it_is_shown(tiny: Classifier, rows: EncodedSplit) -> None:
    """With 30 epochs it depended on luck, and on whether the processor computes in bf16."""
    reseed(0, "train_teacher")
    patient = PLAN.model_copy(update={"epochs": 100})
    epochs = fit(tiny, rows, label_loss(torch.from_numpy(rows.labels)), patient, rows)
    assert epochs[-1].loss < epochs[0].loss / 2
    assert accuracy(tiny.logits(rows), rows.labels.tolist()) >= 0.9


def test_it_ends_at_its_best_epoch(tiny: Classifier, rows: EncodedSplit) -> None:
    """A rate that destroys the model late must not decide what is kept."""
    reseed(0, "train_teacher")
    wild = PLAN.model_copy(update={"learning_rate": 0.2})
    epochs = fit(tiny, rows, label_loss(torch.from_numpy(rows.labels)), wild, rows)
    best = max(epoch.validation_accuracy for epoch in epochs)
    assert accuracy(tiny.logits(rows), rows.labels.tolist()) == pytest.approx(best)


def test_training_that_diverges_ends_at_once_with_a_remedy(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """A model of NaN answers too: always the first label, with a finite accuracy."""
    plan, losses = PLAN.model_copy(update={"epochs": 2}), list[float]()

    def diverging(logits: Tensor, numbers: Tensor) -> Tensor:
        return logits.sum() * (float("inf") if len(losses) == 3 else 1.0)

    def progress(done: int, total: int, loss: float) -> None:
        losses.append(loss)

    message = r"training diverged: the loss is -?inf in step 4 of 6; set a learning_rate below 0.01"
    with pytest.raises(DivergedError, match=f"^{message}$"):
        fit(tiny, rows, diverging, plan, rows, progress)


def test_weights_that_the_last_step_has_destroyed_are_noticed(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """The loss was still finite when it was taken."""
    plan = PLAN.model_copy(update={"epochs": 1})

    def destroy(done: int, total: int, loss: float) -> None:
        if done == total:
            with torch.no_grad():
                tiny.module.get_parameter("classifier.bias").fill_(float("nan"))

    with pytest.raises(DivergedError, match=r"classifier\.bias is not finite after step 3 of 3"):
        fit(tiny, rows, label_loss(torch.from_numpy(rows.labels)), plan, rows, destroy)


def test_equal_seeds_give_equal_weights(tiny: Classifier, rows: EncodedSplit) -> None:
    first, second = tiny.copy(), tiny.copy()
    for classifier in (first, second):
        reseed(3, "distill_student")
        fit(classifier, rows, label_loss(torch.from_numpy(rows.labels)), PLAN, rows)
    assert torch.equal(first.logits(rows), second.logits(rows))


def gradients(classifier: Classifier, rows: EncodedSplit) -> dict[str, Tensor]:
    classifier.module.zero_grad()
    batch = rows.batch(range(len(rows)))
    logits = classifier.module(**classifier.inputs(batch)).logits
    loss = label_loss(torch.from_numpy(rows.labels))(logits, torch.from_numpy(batch.rows))
    torch.autograd.backward(loss)
    named = classifier.module.named_parameters()
    return {n: p.grad.clone() for n, p in named if p.grad is not None}


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_tokens_that_no_head_reads_are_spared_and_no_gradient_changes(
    family: str, random_classifier: Callable[[str], Classifier], rows: EncodedSplit
) -> None:
    classifier = random_classifier(family)
    seen: list[int] = []
    up = classifier.linear(classifier.layers[-1], "up")
    watch = up.register_forward_hook(lambda _, arriving, __: seen.append(arriving[0].shape[1]))
    whole = gradients(classifier, rows)
    with only_first_token(classifier):
        spared = gradients(classifier, rows)
    watch.remove()
    assert seen[0] > 1
    assert seen[1] == 1
    assert whole.keys() == spared.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(spared[name], gradient, rtol=1e-4, atol=1e-5)


def test_a_head_that_reads_every_token_spares_none(
    random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    classifier = random_classifier("modernbert", classifier_pooling="mean")
    whole = gradients(classifier, rows)
    with only_first_token(classifier):
        spared = gradients(classifier, rows)
    assert all(torch.equal(spared[name], gradient) for name, gradient in whole.items())


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_embeddings_do_not_move_and_are_trainable_again_after(
    tiny: Classifier, rows: EncodedSplit, frozen: bool
) -> None:
    table = tiny.encoder.get_parameter("embeddings.word_embeddings.weight")
    before = table.detach().clone()
    plan = PLAN.model_copy(update={"freeze_embeddings": frozen, "epochs": 1})
    fit(tiny, rows, label_loss(torch.from_numpy(rows.labels)), plan, rows)
    assert torch.equal(before, table) is frozen
    assert table.requires_grad


def test_no_epochs_change_nothing(tiny: Classifier, rows: EncodedSplit) -> None:
    before = tiny.logits(rows)

    def forbidden(logits: Tensor, rows: Tensor) -> Tensor:
        raise AssertionError("a step was taken")

    assert fit(tiny, rows, forbidden, PLAN.model_copy(update={"epochs": 0}), rows) == ()
    assert torch.equal(tiny.logits(rows), before)


def test_every_row_comes_once_an_epoch_in_batches_of_like_length(rows: EncodedSplit) -> None:
    batches = list(_length_grouped_batches(rows, 4))
    assert sorted(int(row) for batch in batches for row in batch.rows) == list(range(12))
    lengths = [sorted(len(rows.input_ids[row]) for row in batch.rows) for batch in batches]
    assert sum(group[-1] - group[0] for group in lengths) <= 4


def test_the_rate_rises_for_a_tenth_of_the_steps_and_falls_to_nothing() -> None:
    shares = [_learning_rate_factor(done, 20) for done in range(21)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[11] == pytest.approx(0.5)
    assert shares[20] == 0.0


def test_logits_on_another_device_meet_labels_that_stay_where_they_are() -> None:
    loss = label_loss(torch.tensor([2, 0, 1]))
    value = loss(torch.zeros(2, 3, device="meta"), torch.tensor([1, 0]))
    assert (value.device.type, value.shape) == ("meta", ())


def test_a_single_step_is_taken_at_the_peak_rate() -> None:
    assert [_learning_rate_factor(done, 1) for done in (0, 1)] == [1.0, 0.0]


def test_progress_is_told_after_every_step(tiny: Classifier, rows: EncodedSplit) -> None:
    told: list[tuple[int, int]] = []
    plan = PLAN.model_copy(update={"epochs": 2, "batch_size": 8})
    loss = label_loss(torch.from_numpy(rows.labels))
    fit(tiny, rows, loss, plan, rows, lambda done, total, _: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
