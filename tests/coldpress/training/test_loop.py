from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.errors import DivergedError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier, score
from coldpress.schema.section import Optimization
from coldpress.training.freezing import only_first_token
from coldpress.training.loop import fit, reseed, target_loss
from coldpress.training.step import _learning_rate_factor

PLAN = Optimization(epochs=30, learning_rate=1e-2, batch_size=4)


@pytest.fixture
def rows(tiny: Classifier) -> EncodedSplit:
    """Twelve rows whose first word determines the label."""
    texts = tuple(f"{('cold', 'oil', 'warm')[n % 3]}{' slow' * (n % 4)}" for n in range(12))
    ids = tuple(str(n) for n in range(12))
    return encode(tiny.tokenizer, Split(ids, texts, None, tuple(n % 3 for n in range(12))))


def test_training_fits_the_rows(tiny: Classifier, rows: EncodedSplit) -> None:
    """100 epochs: with 30 the result depends on the seed, and on bf16."""
    reseed(0, "train_teacher")
    longer = PLAN.model_copy(update={"epochs": 100})
    epochs = fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), longer, rows)
    assert epochs[-1].loss < epochs[0].loss / 2
    assert score(tiny, rows) >= 0.9


def test_training_ends_with_the_best_epoch(tiny: Classifier, rows: EncodedSplit) -> None:
    """Epochs after the model has been destroyed by a high learning rate are not used."""
    reseed(0, "train_teacher")
    wild = PLAN.model_copy(update={"learning_rate": 0.2})
    epochs = fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), wild, rows)
    best = max(epoch.validation_score for epoch in epochs)
    assert score(tiny, rows) == pytest.approx(best)


def test_training_that_diverges_ends_at_once_with_a_remedy(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """A model of NaN always predicts the first label, so its accuracy is finite."""
    plan = PLAN.model_copy(update={"epochs": 2})
    losses: list[float] = []

    def diverging(logits: Tensor, numbers: Tensor) -> Tensor:
        return logits.sum() * (float("inf") if len(losses) == 3 else 1.0)

    def progress(step: int, steps: int, loss: float) -> None:
        losses.append(loss)

    message = r"training diverged: the loss is -?inf in step 4 of 6; set a learning_rate below 0.01"
    with pytest.raises(DivergedError, match=f"^{message}$"):
        fit(tiny, rows, diverging, plan, rows, progress)


def test_non_finite_weights_after_the_last_step_are_reported(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """The loss of the last step is still finite."""
    plan = PLAN.model_copy(update={"epochs": 1})

    def destroy(step: int, steps: int, loss: float) -> None:
        if step == steps:
            with torch.no_grad():
                tiny.module.get_parameter("classifier.bias").fill_(float("nan"))

    with pytest.raises(DivergedError, match=r"classifier\.bias is not finite after step 3 of 3"):
        fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), plan, rows, destroy)


def test_equal_seeds_give_equal_weights(tiny: Classifier, rows: EncodedSplit) -> None:
    first = tiny.copy()
    second = tiny.copy()
    for classifier in (first, second):
        reseed(3, "distill_student")
        fit(classifier, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), PLAN, rows)
    assert torch.equal(first.logits(rows), second.logits(rows))


def gradients(classifier: Classifier, rows: EncodedSplit) -> dict[str, Tensor]:
    classifier.module.zero_grad()
    batch = rows.batch(range(len(rows)))
    logits = classifier.module(**classifier.inputs(batch)).logits
    loss = target_loss(TEXT_CLASSIFICATION, rows.targets)(logits, torch.from_numpy(batch.rows))
    torch.autograd.backward(loss)
    parameters = classifier.module.named_parameters()
    return {n: p.grad.clone() for n, p in parameters if p.grad is not None}


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_only_the_first_token_is_computed_with_equal_gradients(
    family: str, random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    pooling = {"classifier_pooling": "bos"} if family == "eurobert" else {}
    classifier = random_classifier(family, **pooling)
    token_counts: list[int] = []
    up = classifier.linear(classifier.layers[-1], "up")
    hook = up.register_forward_hook(lambda _, inputs, __: token_counts.append(inputs[0].shape[1]))
    whole = gradients(classifier, rows)
    with only_first_token(classifier):
        first_only = gradients(classifier, rows)
    hook.remove()
    assert token_counts[0] > 1
    assert token_counts[1] == 1
    assert whole.keys() == first_only.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(first_only[name], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "pooling"), [("modernbert", "mean"), ("eurobert", "mean"), ("eurobert", "late")]
)
def test_mean_pooling_computes_every_token(
    family: str, pooling: str, random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    classifier = random_classifier(family, classifier_pooling=pooling)
    whole = gradients(classifier, rows)
    with only_first_token(classifier):
        first_only = gradients(classifier, rows)
    assert all(torch.equal(first_only[name], gradient) for name, gradient in whole.items())


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_embeddings_do_not_move_and_are_trainable_again_after(
    tiny: Classifier, rows: EncodedSplit, frozen: bool
) -> None:
    table = tiny.encoder.get_parameter("embeddings.word_embeddings.weight")
    before = table.detach().clone()
    plan = PLAN.model_copy(update={"freeze_embeddings": frozen, "epochs": 1})
    fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), plan, rows)
    assert torch.equal(before, table) is frozen
    assert table.requires_grad


def test_no_epochs_change_nothing(tiny: Classifier, rows: EncodedSplit) -> None:
    before = tiny.logits(rows)

    def forbidden(logits: Tensor, rows: Tensor) -> Tensor:
        raise AssertionError("a step was taken")

    assert fit(tiny, rows, forbidden, PLAN.model_copy(update={"epochs": 0}), rows) == ()
    assert torch.equal(tiny.logits(rows), before)


def test_the_learning_rate_warms_up_for_a_tenth_of_the_steps_and_decays_to_zero() -> None:
    shares = [_learning_rate_factor(step, 20) for step in range(21)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[11] == pytest.approx(0.5)
    assert shares[20] == 0.0


def test_labels_are_moved_to_the_device_of_the_logits() -> None:
    loss = target_loss(TEXT_CLASSIFICATION, np.array([2, 0, 1]))
    value = loss(torch.zeros(2, 3, device="meta"), torch.tensor([1, 0]))
    assert (value.device.type, value.shape) == ("meta", ())


def test_a_single_step_is_taken_at_the_peak_rate() -> None:
    assert [_learning_rate_factor(step, 1) for step in (0, 1)] == [1.0, 0.0]


def test_progress_is_reported_after_every_step(tiny: Classifier, rows: EncodedSplit) -> None:
    calls: list[tuple[int, int]] = []
    plan = PLAN.model_copy(update={"epochs": 2, "batch_size": 8})
    loss = target_loss(TEXT_CLASSIFICATION, rows.targets)
    fit(tiny, rows, loss, plan, rows, lambda step, steps, _: calls.append((step, steps)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_epoch_of_few_batches_passes_over_the_rows_until_it_has_its_least_steps(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    """12 rows are 2 batches of 8: 5 steps take three passes."""
    calls: list[tuple[int, int]] = []
    plan = PLAN.model_copy(update={"epochs": 2, "batch_size": 8, "min_epoch_steps": 5})
    seen: list[int] = []

    def loss(logits: Tensor, numbers: Tensor) -> Tensor:
        seen.extend(numbers.tolist())
        return logits.square().sum()

    epochs = fit(tiny, rows, loss, plan, rows, lambda step, steps, _: calls.append((step, steps)))
    assert len(epochs) == 2
    assert calls == [(step, 12) for step in range(1, 13)]
    assert sorted(seen[:36]) == sorted(list(range(12)) * 3)


@pytest.mark.parametrize(("dropout", "equal"), [(0.0, True), (None, False)])
def test_dropout_of_the_plan_takes_the_place_of_the_models_own(
    dropout: float | None, equal: bool, tiny: Classifier, rows: EncodedSplit
) -> None:
    """Without dropout, the loss of all rows does not depend on PyTorch's random numbers."""
    plan = PLAN.model_copy(update={"epochs": 1, "batch_size": len(rows), "dropout": dropout})
    loss = target_loss(TEXT_CLASSIFICATION, rows.targets)
    losses = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        losses.append(fit(tiny.copy(), rows, loss, plan, rows)[0].loss)
    assert (losses[0] == pytest.approx(losses[1], rel=1e-4)) == equal
