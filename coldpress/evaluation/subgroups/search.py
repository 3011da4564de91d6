"""Find undeclared slices on the validation split, to be evaluated on the test split."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import slices
from coldpress.evaluation.subgroups.slices import LengthBand, Slice

MIN_ROWS = 20
MIN_SHARE = 0.02
MAX_SHARE = 0.5
MAX_SLICES = 5
MIN_LOST_ROWS = 2
MAX_OVERLAP = 0.5
QUARTERS = (0.25, 0.5, 0.75)
THIRDS = (1 / 3, 2 / 3)

Logits = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ValidationPredictions:
    """The validation split with the logits of the teacher and the final model.

    Attributes:
        split: The rows, with labels.
        teacher: Logits of the teacher, shape (rows, labels).
        final: Logits of the final model, shape (rows, labels).
    """

    split: Split
    teacher: Logits
    final: Logits


@dataclass(frozen=True)
class _RowFeatures:
    """Properties of a row that a rule may use."""

    words: frozenset[str]
    first_word: str
    length: int
    confidence: float


@dataclass(frozen=True)
class _SliceRule:
    """A rule that selects rows of any split."""

    name: str
    matches: Callable[[_RowFeatures], bool]


def search_slices(
    validation: ValidationPredictions, test: Split, teacher_on_test: Logits
) -> list[Slice]:
    """Find the slices that compression harms most.

    Slices are selected on the validation split and evaluated on the test split: rules are ranked by
    the rows that the final model loses against the teacher on validation, without test labels. The
    worst few become groups of the test split and count in the adjustment for the number of groups.
    A slice that was selected on the rows that it is evaluated on would look worse than it is.

    Rules are words, and first words, in at least 20 validation rows and 2 % of them; quarters by
    number of words; thirds by the teacher's confidence. A rule selects at most half of the rows.
    At most 5 rules are kept, by the share of rows lost, of those that lose at least 2 rows; a rule
    that shares more than half of its rows with a worse one is dropped.

    Args:
        validation: Rows and logits to select on.
        test: The test rows.
        teacher_on_test: The teacher's logits for them, shape (rows, labels).

    Returns:
        Non-empty slices of the test split, the worst on validation first.
    """
    rows = _row_features(validation.split, validation.teacher)
    test_rows = _row_features(test, teacher_on_test)
    weak_slices = []
    for rule in _select_worst(_propose_rules(rows), rows, _losses(validation)):
        members = tuple(number for number, row in enumerate(test_rows) if rule.matches(row))
        weak_slices.append(Slice("found", rule.name, members))
    return [weak for weak in weak_slices if weak.rows]


def _row_features(split: Split, teacher: Logits) -> list[_RowFeatures]:
    confidence = softmax(teacher.astype(np.float64), axis=1).max(axis=1)
    texts = zip(split.texts, split.pairs or ("",) * len(split), strict=True)
    rows = []
    for (first, second), length, probability in zip(
        texts, slices.count_words(split), confidence, strict=True
    ):
        words = re.findall(r"\w+", first.lower())
        second_words = re.findall(r"\w+", second.lower())
        first_word = words[0] if words else ""
        all_words = frozenset([*words, *second_words])
        rows.append(_RowFeatures(all_words, first_word, length, float(probability)))
    return rows


def _losses(validation: ValidationPredictions) -> NDArray[np.int64]:
    """Return 1 for rows that the final model loses, -1 for rows it wins, else 0; shape (rows,)."""
    labels = np.asarray(validation.split.labels, dtype=np.int64)
    teacher = validation.teacher.argmax(axis=1) == labels
    final = validation.final.argmax(axis=1) == labels
    return np.asarray(teacher.astype(np.int64) - final.astype(np.int64))


def _propose_rules(rows: Sequence[_RowFeatures]) -> Iterator[_SliceRule]:
    """Propose rules that select enough rows."""
    words = Counter(word for row in rows for word in row.words)
    for word in _frequent_words(words, len(rows)):
        yield _SliceRule(f'with "{word}"', _has_word(word))
    first_words = Counter(row.first_word for row in rows if row.first_word)
    for word in _frequent_words(first_words, len(rows)):
        yield _SliceRule(f'beginning with "{word}"', _begins_with(word))
    lengths = [row.length for row in rows] or [0]
    for band in slices.length_bands(sorted({int(edge) for edge in np.quantile(lengths, QUARTERS)})):
        yield _SliceRule(band.name, _has_length_in(band))
    yield from _confidence_rules([row.confidence for row in rows] or [1.0])


def _has_word(word: str) -> Callable[[_RowFeatures], bool]:
    return lambda row: word in row.words


def _begins_with(word: str) -> Callable[[_RowFeatures], bool]:
    return lambda row: word == row.first_word


def _has_length_in(band: LengthBand) -> Callable[[_RowFeatures], bool]:
    return lambda row: row.length in band


def _frequent_words(counts: Counter[str], rows: int) -> list[str]:
    needed = max(MIN_ROWS, math.ceil(MIN_SHARE * rows))
    return sorted(word for word, count in counts.items() if count >= needed)


def _confidence_rules(confidences: Sequence[float]) -> Iterator[_SliceRule]:
    low, high = (float(edge) for edge in np.quantile(confidences, THIRDS, method="higher"))
    yield _SliceRule(f"teacher less than {low:.0%} sure", lambda row: row.confidence < low)
    middle = f"teacher {low:.0%} to {high:.0%} sure"
    yield _SliceRule(middle, lambda row: low <= row.confidence < high)
    yield _SliceRule(f"teacher more than {high:.0%} sure", lambda row: row.confidence >= high)


def _select_worst(
    rules: Iterable[_SliceRule], rows: Sequence[_RowFeatures], losses: NDArray[np.int64]
) -> list[_SliceRule]:
    """Rank by the share of rows lost; ties go to the larger slice, then to the first by name."""
    ranked = []
    for rule in rules:
        mask = np.array([rule.matches(row) for row in rows], dtype=np.bool_)
        size = int(mask.sum())
        loss = int(losses[mask].sum())
        if MIN_ROWS <= size <= MAX_SHARE * len(rows) and loss >= MIN_LOST_ROWS:
            ranked.append(((-loss / size, -size, rule.name), rule, mask))
    selected: list[tuple[_SliceRule, NDArray[np.bool_]]] = []
    for _, rule, mask in sorted(ranked, key=lambda entry: entry[0]):
        if len(selected) < MAX_SLICES and not any(_overlap(mask, m) for _, m in selected):
            selected.append((rule, mask))
    return [rule for rule, _ in selected]


def _overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    """Whether two masks share more than half of the rows of their union, both of shape (rows,)."""
    return bool((first & second).sum() > MAX_OVERLAP * (first | second).sum())
