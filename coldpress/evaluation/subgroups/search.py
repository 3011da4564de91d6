"""Find undeclared slices on the validation split, to be evaluated on the test split."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import slices
from coldpress.evaluation.subgroups.slices import LengthBand, Slice
from coldpress.kinds.kind import Outputs, TaskKind
from coldpress.kinds.scores import SampleScores

MIN_ROWS = 20
MIN_SHARE = 0.02
MAX_SHARE = 0.5
MAX_SLICES = 5
MIN_LOST_ROWS = 2
MAX_OVERLAP = 0.5
QUARTERS = (0.25, 0.5, 0.75)
THIRDS = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class ValidationPredictions:
    """The validation split with the outputs of the teacher and the final model.

    Attributes:
        kind: Task kind of the rows.
        split: The rows, with targets.
        teacher: Outputs of the teacher, shape (units, outputs).
        final: Outputs of the final model, shape (units, outputs).
    """

    kind: TaskKind
    split: Split
    teacher: Outputs
    final: Outputs


@dataclass(frozen=True)
class _RowFeatures:
    """Properties of a row that a rule may use."""

    words: frozenset[str]
    first_word: str
    length: int
    confidence: float | None


@dataclass(frozen=True)
class _SliceRule:
    """A rule that selects rows of any split."""

    name: str
    matches: Callable[[_RowFeatures], bool]


def search_slices(
    validation: ValidationPredictions, test: Split, teacher_on_test: Outputs
) -> list[Slice]:
    """Find the slices that compression harms most.

    Slices are selected on the validation split and evaluated on the test split: rules are ranked by
    the rows that the final model loses against the teacher on validation, without test labels. The
    worst few become groups of the test split and count in the adjustment for the number of groups.
    A slice that was selected on the rows that it is evaluated on would look worse than it is. Rows
    are those of `TaskKind.split_samples`: one per sample.

    Rules are words, and first words, in at least 20 validation rows and 2 % of them; quarters by
    number of words; for classification, thirds by the teacher's confidence. A rule selects at most
    half of the rows. At most 5 rules are kept, by their mean loss of sample score, of those that
    lose at least 2 in total; a rule that shares more than half of its rows with a worse one is
    dropped.

    Args:
        validation: Rows and outputs to select on.
        test: The test rows.
        teacher_on_test: The teacher's outputs for them, shape (units, outputs).

    Returns:
        Non-empty slices of the test split, the worst on validation first.
    """
    rows = _row_features(validation.kind, validation.split, validation.teacher)
    test_rows = _row_features(validation.kind, test, teacher_on_test)
    weak_slices = []
    for rule in _select_worst(_propose_rules(rows), rows, _losses(validation)):
        members = tuple(number for number, row in enumerate(test_rows) if rule.matches(row))
        weak_slices.append(Slice("found", rule.name, members))
    return [weak for weak in weak_slices if weak.rows]


def _row_features(kind: TaskKind, labelled: Split, teacher: Outputs) -> list[_RowFeatures]:
    split = kind.split_samples(labelled)
    confidence = kind.confidence(teacher)
    confidences = (None,) * len(split) if confidence is None else confidence.tolist()
    texts = zip(split.texts, split.pairs or ("",) * len(split), strict=True)
    rows = []
    for (first, second), length, probability in zip(
        texts, slices.count_words(split), confidences, strict=True
    ):
        words = re.findall(r"\w+", first.lower())
        second_words = re.findall(r"\w+", second.lower())
        first_word = words[0] if words else ""
        all_words = frozenset([*words, *second_words])
        rows.append(_RowFeatures(all_words, first_word, length, probability))
    return rows


def _losses(validation: ValidationPredictions) -> SampleScores:
    """Return the sample score that the final model loses against the teacher, (samples,)."""
    kind = validation.kind
    targets = validation.split.target_array
    scale = kind.scale(targets)
    teacher = kind.sample_scores(validation.teacher, targets, scale)
    return teacher - kind.sample_scores(validation.final, targets, scale)


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
    confidences = [row.confidence for row in rows if row.confidence is not None]
    if confidences:
        yield from _confidence_rules(confidences)


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
    yield _SliceRule(f"teacher less than {low:.0%} sure", _has_confidence(0.0, low))
    yield _SliceRule(f"teacher {low:.0%} to {high:.0%} sure", _has_confidence(low, high))
    yield _SliceRule(f"teacher more than {high:.0%} sure", _has_confidence(high, math.inf))


def _has_confidence(low: float, high: float) -> Callable[[_RowFeatures], bool]:
    return lambda row: row.confidence is not None and low <= row.confidence < high


def _select_worst(
    rules: Iterable[_SliceRule], rows: Sequence[_RowFeatures], losses: SampleScores
) -> list[_SliceRule]:
    """Rank by the mean loss of a row; ties go to the larger slice, then to the first by name."""
    ranked = []
    for rule in rules:
        mask = np.array([rule.matches(row) for row in rows], dtype=np.bool_)
        size = int(mask.sum())
        loss = float(losses[mask].sum())
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
