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
from coldpress.evaluation.subgroups.slices import Band, Slice

FEWEST_ROWS = 20
SMALLEST_SHARE, LARGEST_SHARE = 0.02, 0.5
MOST_FOUND = 5
SMALLEST_LOSS = 2
OVERLAP = 0.5
QUARTERS = (0.25, 0.5, 0.75)
THIRDS = (1 / 3, 2 / 3)

Logits = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Asked:
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
class _Row:
    """What a candidate may ask of a row."""

    words: frozenset[str]
    first_word: str
    length: int
    confidence: float


@dataclass(frozen=True)
class _Candidate:
    """A property that rows have or lack, of whichever split they are."""

    name: str
    holds: Callable[[_Row], bool]


def search(validation: Asked, test: Split, teacher_on_test: Logits) -> list[Slice]:
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
    rows = _described(validation.split, validation.teacher)
    judged = _described(test, teacher_on_test)
    found = []
    for candidate in _worst(_candidates(rows), rows, _losses(validation)):
        inside = tuple(number for number, row in enumerate(judged) if candidate.holds(row))
        found.append(Slice("found", candidate.name, inside))
    return [one for one in found if one.rows]


def _described(split: Split, teacher: Logits) -> list[_Row]:
    confidence = softmax(teacher.astype(np.float64), axis=1).max(axis=1)
    texts = zip(split.texts, split.pairs or ("",) * len(split), strict=True)
    rows = []
    for (first, second), length, sure in zip(texts, slices.words(split), confidence, strict=True):
        words, more = (re.findall(r"\w+", text.lower()) for text in (first, second))
        first_word = words[0] if words else ""
        rows.append(_Row(frozenset([*words, *more]), first_word, length, float(sure)))
    return rows


def _losses(asked: Asked) -> NDArray[np.int64]:
    """1 where the final model loses a row, -1 where it wins one, else 0; shape (rows,)."""
    labels = np.asarray(asked.split.labels, dtype=np.int64)
    teacher, final = (logits.argmax(axis=1) == labels for logits in (asked.teacher, asked.final))
    return np.asarray(teacher.astype(np.int64) - final.astype(np.int64))


def _candidates(rows: Sequence[_Row]) -> Iterator[_Candidate]:
    """Propose what enough rows have in common."""
    words = Counter(word for row in rows for word in row.words)
    for word in _frequent(words, len(rows)):
        yield _Candidate(f'with "{word}"', _has(word))
    first_words = Counter(row.first_word for row in rows if row.first_word)
    for word in _frequent(first_words, len(rows)):
        yield _Candidate(f'beginning with "{word}"', _begins_with(word))
    lengths = [row.length for row in rows] or [0]
    for band in slices.bands(sorted({int(edge) for edge in np.quantile(lengths, QUARTERS)})):
        yield _Candidate(band.name, _is_within(band))
    yield from _confidences([row.confidence for row in rows] or [1.0])


def _has(word: str) -> Callable[[_Row], bool]:
    return lambda row: word in row.words


def _begins_with(word: str) -> Callable[[_Row], bool]:
    return lambda row: word == row.first_word


def _is_within(band: Band) -> Callable[[_Row], bool]:
    return lambda row: row.length in band


def _frequent(counts: Counter[str], rows: int) -> list[str]:
    needed = max(FEWEST_ROWS, math.ceil(SMALLEST_SHARE * rows))
    return sorted(word for word, count in counts.items() if count >= needed)


def _confidences(of_rows: Sequence[float]) -> Iterator[_Candidate]:
    low, high = (float(edge) for edge in np.quantile(of_rows, THIRDS, method="higher"))
    yield _Candidate(f"teacher less than {low:.0%} sure", lambda row: row.confidence < low)
    middle = f"teacher {low:.0%} to {high:.0%} sure"
    yield _Candidate(middle, lambda row: low <= row.confidence < high)
    yield _Candidate(f"teacher more than {high:.0%} sure", lambda row: row.confidence >= high)


def _worst(
    candidates: Iterable[_Candidate], rows: Sequence[_Row], losses: NDArray[np.int64]
) -> list[_Candidate]:
    """Rank by the share of rows lost; of equals take the larger, then the first by name."""
    ranked = []
    for candidate in candidates:
        inside = np.array([candidate.holds(row) for row in rows], dtype=np.bool_)
        size, lost = int(inside.sum()), int(losses[inside].sum())
        if FEWEST_ROWS <= size <= LARGEST_SHARE * len(rows) and lost >= SMALLEST_LOSS:
            ranked.append(((-lost / size, -size, candidate.name), candidate, inside))
    chosen: list[tuple[_Candidate, NDArray[np.bool_]]] = []
    for _, candidate, inside in sorted(ranked, key=lambda one: one[0]):
        if len(chosen) < MOST_FOUND and not any(_alike(inside, other) for _, other in chosen):
            chosen.append((candidate, inside))
    return [candidate for candidate, _ in chosen]


def _alike(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether two slices share more than half of the rows that either has."""
    return bool((one & other).sum() > OVERLAP * (one | other).sum())
