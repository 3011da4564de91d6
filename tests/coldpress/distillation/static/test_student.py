"""A static student: its vocabulary, first vectors and n-grams."""

from __future__ import annotations

import pytest

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation import Static
from coldpress.distillation.method import DistillationContext
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.static.student import build_student
from coldpress.distillation.transfer import soft_target_data
from coldpress.model.classifier import Classifier
from coldpress.training.data import TrainingData, labelled_data
from coldpress.training.loop import reseed
from tests.support.wordpiece import with_word_pieces

SMALL = Static(method="static", width=8, neurons=12, ngram_rows=50, epochs=1, batch_size=6)


@pytest.fixture
def teacher(tiny: Classifier) -> Classifier:
    return with_word_pieces(tiny)


def data_of(teacher: Classifier, texts: tuple[str, ...]) -> TrainingData:
    rows = Split(tuple(texts), texts, None, tuple(n % 3 for n in range(len(texts))))
    return labelled_data(teacher, rows, rows.take([0]))


def test_the_student_has_only_the_tokens_of_its_texts(teacher: Classifier) -> None:
    student = build_student(teacher, SMALL, data_of(teacher, ("cold oil", "oil press")))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokens = student.tokenizer.get_vocab()
    assert sorted(tokens, key=tokens.__getitem__) == [*special, "cold", "press", "oil"]
    assert student.tokenizer.encode("cold slow").tokens == ["[CLS]", "cold", "[UNK]", "[SEP]"]
    assert student.token_table.weight.shape == (7 + 50, 8)


def test_tokens_start_with_vectors_that_frequent_ones_have_less_of(teacher: Classifier) -> None:
    """[CLS], [SEP] and oil are 6 of 8 tokens: 0.001 / (0.001 + p) of a vector remains."""
    student = build_student(teacher, SMALL, data_of(teacher, ("cold oil", "oil press")))
    rows = student.token_table.weight.detach()
    assert not rows[7:].any()
    # A row that no text has, [UNK], keeps its length; the others become shorter.
    lengths = rows[:7].norm(dim=1)
    assert lengths[1] > 20 * lengths[4:].max()
    assert 0 < lengths[6] < lengths[4:6].min()


def test_without_ngrams_the_table_has_no_rows_for_them(teacher: Classifier) -> None:
    data = data_of(teacher, ("cold oil", "oil press"))
    student = build_student(teacher, SMALL.model_copy(update={"longest_ngram": 1}), data)
    assert student.token_table.weight.shape == (7, 8)


@pytest.mark.parametrize(("longest", "tells_order"), [(1, False), (2, True)])
def test_ngrams_tell_the_order_of_words(
    longest: int, tells_order: bool, teacher: Classifier
) -> None:
    method = SMALL.model_copy(
        update={"longest_ngram": longest, "epochs": 40, "learning_rate": 0.05, "alpha": 0.0}
    )
    split = Split(("a", "b"), ("cold oil press", "press oil cold"), None, (0, 1))
    reseed(0, "distill_student")
    targets = compute_soft_targets(teacher, split)
    data = soft_target_data(teacher, method, targets, split, split)
    student = method.distill(teacher, DistillationContext(data, split))
    labels = student.logits(encode(student.tokenizer, split)).argmax(dim=1)
    assert (labels.tolist() == [0, 1]) == tells_order
