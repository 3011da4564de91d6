"""The kind with numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from coldpress.evaluation.statistics.metric_bootstrap import metric_difference
from coldpress.kinds import KINDS
from coldpress.kinds.additive import AdditiveKind

KIND = KINDS["token-classification"]
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")


def outputs(tags: list[int]) -> np.ndarray:
    return np.eye(5, dtype=np.float32)[tags]


# Three texts: a person of two words; a place; nothing.
TARGETS = np.array([[3, 0], [4, 0], [0, 0], [1, 1], [0, 2], [0, 2]])
# The person is found, the place has the wrong type, and a place is predicted in the third text.
PREDICTED = outputs([3, 4, 0, 3, 1, 0])


def test_scores_of_all_texts_together() -> None:
    scores = KIND.scores(PREDICTED, TARGETS)
    assert scores == {
        "entity_f1": pytest.approx(2 * 1 / (3 + 2)),
        "entity_precision": pytest.approx(1 / 3),
        "entity_recall": pytest.approx(1 / 2),
    }
    assert KIND.main_score(PREDICTED, TARGETS) == scores["entity_f1"]


def test_the_score_of_a_text_is_its_f1_and_1_without_entities() -> None:
    assert KIND.sample_scores(PREDICTED, TARGETS, 1.0).tolist() == [1.0, 0.0, 0.0]
    nothing = outputs([3, 4, 0, 0, 0, 0])
    assert KIND.sample_scores(nothing, TARGETS, 1.0).tolist() == [1.0, 0.0, 1.0]


def test_a_text_is_a_sample_and_its_counts_add_up() -> None:
    assert isinstance(KIND, AdditiveKind)
    assert KIND.samples(TARGETS).tolist() == [0, 0, 0, 1, 2, 2]
    counts = KIND.counts(PREDICTED, TARGETS)
    assert counts.tolist() == [[1, 1, 1], [0, 1, 1], [0, 1, 0]]
    assert float(KIND.score_of_counts(counts.sum(axis=0))) == KIND.main_score(PREDICTED, TARGETS)


def test_the_bootstrap_resamples_texts() -> None:
    # 50 texts of one entity; the model finds 40 of them, the other one all: F1 is 8/9 and 1.
    targets = np.array([[3, text] for text in range(50)])
    perfect = outputs([3] * 50)
    worse = outputs([3] * 40 + [0] * 10)
    interval = metric_difference(KIND, worse, perfect, targets)
    assert interval.estimate == pytest.approx(80 / 90 - 1)
    # The found entities of a resample are binomial: 0.8 +- 1.96 * sqrt(0.8 * 0.2 / 50).
    low, high = (2 * share / (1 + share) - 1 for share in (0.8 - 0.1109, 0.8 + 0.1109))
    assert interval.low == pytest.approx(low, abs=0.02)
    assert interval.high == pytest.approx(high, abs=0.02)


def test_groups_are_the_recall_of_each_type() -> None:
    groups = KIND.target_groups(PREDICTED, TARGETS, NAMES, 1.0)
    assert [(group.name, group.items, group.scores.tolist()) for group in groups] == [
        ("entity LOC", (1,), [0.0]),
        ("entity PER", (0,), [1.0]),
    ]


def test_groups_know_the_text_of_each_entity() -> None:
    """Two places in the first text, one in the third."""
    targets = np.array([[1, 0], [0, 0], [1, 0], [3, 1], [1, 2]])
    place, person = KIND.target_groups(outputs([1, 0, 0, 3, 1]), targets, NAMES, 1.0)
    assert place.samples is not None and place.samples.tolist() == [0, 0, 2]
    assert place.scores.tolist() == [1.0, 0.0, 1.0]
    assert person.samples is not None and person.samples.tolist() == [1]


def test_agreement_is_the_share_of_words_with_the_same_tag() -> None:
    assert KIND.agreement(PREDICTED, outputs([3, 4, 0, 1, 1, 0]), TARGETS) == pytest.approx(5 / 6)


def test_losses_are_those_of_words() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    targets = torch.tensor([[0, 0], [1, 0]])
    expected = [math.log(1 + math.exp(-2)), math.log(2)]
    assert float(KIND.hard_loss(logits, targets)) == pytest.approx(sum(expected) / 2)
    assert float(KIND.hard_loss(logits, targets, "sum")) == pytest.approx(sum(expected))
    # A teacher that is certain of nothing: KL(1/2, 1/2 || p), T = 1.
    p = 1 / (1 + math.exp(-2))
    divergence = math.log(0.5) - 0.5 * math.log(p) - 0.5 * math.log(1 - p)
    soft = float(KIND.soft_loss(logits[:1], torch.zeros(1, 2), 1.0))
    assert soft == pytest.approx(divergence)


def test_strata_are_types_of_the_first_entity() -> None:
    assert KIND.strata([(0, 3, 1), (1, 2), (0, 0)]) == [2, 1, 0]


def test_texts_are_described_by_their_tags() -> None:
    assert KIND.target_texts(TARGETS, NAMES) == ["B-PER I-PER O", "B-LOC", "O O"]
    assert KIND.prediction_texts(PREDICTED, TARGETS, NAMES)[1] == "B-PER"
