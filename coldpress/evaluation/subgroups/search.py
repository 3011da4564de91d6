"""Slices that nobody declared: looked for on the validation split, judged on the test split."""

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
MIN_SHARE, MAX_SHARE = 0.02, 0.5
MAX_SLICES = 5
MIN_LOST_ROWS = 2
MAX_OVERLAP = 0.5
QUARTERS = (0.25, 0.5, 0.75)
THIRDS = (1 / 3, 2 / 3)

Logits = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ValidationPredictions:
    """A split, and what the teacher and the final model answered to it.

    Attributes:
        split: With labels.
        teacher: Logits, shape (rows, labels).
        final: The same of the final model.
    """

    split: Split
    teacher: Logits
    final: Logits


@dataclass(frozen=True)
class _RowFeatures:
    """What a candidate may ask of a row."""

    words: frozenset[str]
    first_word: str
    length: int
    confidence: float


@dataclass(frozen=True)
class _SliceRule:
    """A property that rows have or lack, of whichever split they are."""

    name: str
    holds: Callable[[_RowFeatures], bool]


def search_slices(
    validation: ValidationPredictions, test: Split, teacher_on_test: Logits
) -> list[Slice]:
    """Find where compression costs most.

    Selection on validation, judgement on test: candidates are ranked by what the final model loses
    against the teacher on the validation rows, and no test label is looked at. The few worst are
    then groups of the test split like any other, and count in the correction for how many groups
    there are. A slice that was chosen because it looked worst on the rows that it is judged on
    would look worse than it is.

    Candidates are words, and first words, of at least 20 validation rows and 2 % of them; quarters
    by number of words; thirds by the teacher's confidence; all with at most half of the rows, as
    the split is judged anyway. Chosen are at most 5, by the share of rows lost, of those that lose
    at least 2 rows; one that shares more than half of its rows with a worse one is left out.

    Args:
        validation: What to choose on.
        test: The rows to be judged.
        teacher_on_test: The teacher's logits on them, shape (rows, labels).

    Returns:
        Slices of the test split that have rows, the worst on validation first.
    """
    rows = _row_features(validation.split, validation.teacher)
    judged = _row_features(test, teacher_on_test)
    found = []
    for candidate in _select_worst(_propose_rules(rows), rows, _losses(validation)):
        inside = tuple(number for number, row in enumerate(judged) if candidate.holds(row))
        found.append(Slice("found", candidate.name, inside))
    return [one for one in found if one.rows]


def _row_features(split: Split, teacher: Logits) -> list[_RowFeatures]:
    confidence = softmax(teacher.astype(np.float64), axis=1).max(axis=1)
    texts = zip(split.texts, split.pairs or ("",) * len(split), strict=True)
    rows = []
    for (first, second), length, sure in zip(
        texts, slices.count_words(split), confidence, strict=True
    ):
        words, more = (re.findall(r"\w+", text.lower()) for text in (first, second))
        first_word = words[0] if words else ""
        rows.append(_RowFeatures(frozenset([*words, *more]), first_word, length, float(sure)))
    return rows


def _losses(asked: ValidationPredictions) -> NDArray[np.int64]:
    """1 where the final model loses a row, -1 where it wins one, else 0; shape (rows,)."""
    labels = np.asarray(asked.split.labels, dtype=np.int64)
    teacher, final = (logits.argmax(axis=1) == labels for logits in (asked.teacher, asked.final))
    return np.asarray(teacher.astype(np.int64) - final.astype(np.int64))


def _propose_rules(rows: Sequence[_RowFeatures]) -> Iterator[_SliceRule]:
    """Propose what enough rows have in common."""
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


def _confidence_rules(of_rows: Sequence[float]) -> Iterator[_SliceRule]:
    low, high = (float(edge) for edge in np.quantile(of_rows, THIRDS, method="higher"))
    yield _SliceRule(f"teacher less than {low:.0%} sure", lambda row: row.confidence < low)
    middle = f"teacher {low:.0%} to {high:.0%} sure"
    yield _SliceRule(middle, lambda row: low <= row.confidence < high)
    yield _SliceRule(f"teacher more than {high:.0%} sure", lambda row: row.confidence >= high)


def _select_worst(
    candidates: Iterable[_SliceRule], rows: Sequence[_RowFeatures], losses: NDArray[np.int64]
) -> list[_SliceRule]:
    """Rank by the share of rows lost; of equals take the larger, then the first by name."""
    ranked = []
    for candidate in candidates:
        inside = np.array([candidate.holds(row) for row in rows], dtype=np.bool_)
        size, lost = int(inside.sum()), int(losses[inside].sum())
        if MIN_ROWS <= size <= MAX_SHARE * len(rows) and lost >= MIN_LOST_ROWS:
            ranked.append(((-lost / size, -size, candidate.name), candidate, inside))
    chosen: list[tuple[_SliceRule, NDArray[np.bool_]]] = []
    for _, candidate, inside in sorted(ranked, key=lambda one: one[0]):
        if len(chosen) < MAX_SLICES and not any(_overlap(inside, other) for _, other in chosen):
            chosen.append((candidate, inside))
    return [candidate for candidate, _ in chosen]


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether two slices share more than half of the rows that either has."""
    return bool((one & other).sum() > MAX_OVERLAP * (one | other).sum())
