from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation import Static
from coldpress.distillation.static.student import build_student
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import add_factors
from coldpress.schema.section import Optimization
from coldpress.training.batches import plan_batches
from coldpress.training.data import labelled_data
from coldpress.training.loop import fit, reseed, target_loss
from coldpress.training.occurring_rows import OccurringRows, in_place_of_table, select_rows
from coldpress.training.step import TrainingStep
from tests.support.wordpiece import with_word_pieces

PLAN = Optimization(epochs=2, learning_rate=1e-2, batch_size=4, freeze_embeddings=False)
# Ids of the tiny tokenizer: [PAD], [UNK], [CLS], [SEP], cold, press, olive, oil, slow, ...
OCCURRING, ABSENT = [0, 2, 3, 4, 7, 8], [1, 5, 6, 9, 10, 11]


@pytest.fixture
def rows(tiny: Classifier) -> EncodedSplit:
    """Texts of `cold`, `oil` and `slow`."""
    texts = tuple(f"{('cold', 'oil')[n % 2]}{' slow' * (n % 3)}" for n in range(12))
    ids = tuple(str(n) for n in range(12))
    return encode(tiny.tokenizer, Split(ids, texts, None, tuple(n % 2 for n in range(12))))


def train(classifier: Classifier, data: EncodedSplit, rows: OccurringRows | None) -> None:
    reseed(0, "train_teacher")
    loss = target_loss(TEXT_CLASSIFICATION, data.targets)
    with in_place_of_table(classifier, rows):
        step = TrainingStep(classifier, loss, 1e-2, 9, lambda *_: None)
        for batch in plan_batches(classifier.kind, data, 4):
            step(batch)


def test_rows_are_trained_as_in_the_whole_table(tiny: Classifier, rows: EncodedSplit) -> None:
    whole = copy.deepcopy(tiny)
    train(whole, rows, None)
    train(tiny, rows, select_rows(tiny, (rows,)))
    for name, weight in tiny.module.state_dict().items():
        expected = whole.module.state_dict()[name]
        if expected.shape == tiny.token_table.weight.shape:
            expected, weight = expected[OCCURRING], weight[OCCURRING]
        torch.testing.assert_close(weight, expected, msg=name)


def test_absent_tokens_keep_their_rows(tiny: Classifier, rows: EncodedSplit) -> None:
    before = tiny.token_table.weight.detach().clone()
    fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), PLAN, rows)
    table = tiny.token_table
    assert type(table) is nn.Embedding
    assert torch.equal(table.weight[ABSENT], before[ABSENT])
    changed = (table.weight != before).any(dim=1)
    assert changed[[4, 7, 8]].all()


def test_tokens_of_validation_texts_are_in_place_too(tiny: Classifier, rows: EncodedSplit) -> None:
    validation = encode(tiny.tokenizer, Split(("a",), ("stone",), None, (0,)))
    selected = select_rows(tiny, (rows, validation))
    assert selected is not None
    assert selected.ids.tolist() == [*OCCURRING, 11]
    epochs = fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), PLAN, validation)
    assert len(epochs) == 2


def test_a_row_that_is_not_in_place_is_an_error(tiny: Classifier, rows: EncodedSplit) -> None:
    selected = select_rows(tiny, (rows,))
    assert selected is not None
    assert torch.equal(selected(torch.tensor([7])), tiny.token_table.weight[[7]])
    with pytest.raises(IndexError):
        selected(torch.tensor([5]))


def test_the_table_is_back_after_an_error(tiny: Classifier, rows: EncodedSplit) -> None:
    table = tiny.token_table
    with pytest.raises(KeyError), in_place_of_table(tiny, select_rows(tiny, (rows,))):
        raise KeyError
    assert tiny.token_table is table


def test_a_table_that_is_not_trained_or_mostly_needed_stays(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    text = "cold press olive oil slow warm fast stone"
    everything = encode(tiny.tokenizer, Split(("a",), (text,), None, (0,)))
    assert select_rows(tiny, (everything,)) is None
    tiny.token_table.weight.requires_grad_(False)
    assert select_rows(tiny, (rows,)) is None


def test_the_first_factor_of_a_table_is_trained_by_rows(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    add_factors(tiny, 4)
    before = tiny.token_table.weight.detach().clone()
    fit(tiny, rows, target_loss(TEXT_CLASSIFICATION, rows.targets), PLAN, rows)
    after = tiny.token_table.weight
    assert torch.equal(after[ABSENT], before[ABSENT])
    assert (after != before).any(dim=1)[[4, 7, 8]].all()


def test_rows_of_ngrams_are_in_place(tiny: Classifier) -> None:
    """They follow those of the seven tokens of the student; any text may need them."""
    teacher = with_word_pieces(tiny)
    texts = Split(("a", "b"), ("cold oil", "oil press"), None, (0, 1))
    method = Static(method="static", width=8, neurons=4, ngram_rows=4)
    student = build_student(teacher, method, labelled_data(teacher, texts, texts))
    selected = select_rows(student, (encode(student.tokenizer, texts.take([0])),))
    assert selected is None
    cold = encode(student.tokenizer, Split(("c",), ("cold",), None, ()))
    selected = select_rows(student, (cold,))
    assert selected is not None
    assert selected.ids.tolist() == [0, 2, 3, 4, 7, 8, 9, 10]
