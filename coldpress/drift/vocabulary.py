"""Vocabulary shift: are the words in the vocabulary of the model's tokenizer?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from coldpress.drift.shift import RESAMPLES, SEED, Shift
from coldpress.evaluation.wording import points

Counts = NDArray[np.int64]
_MAX_BATCH_ELEMENTS = 2_000_000


@dataclass(frozen=True)
class WordCounts:
    """Number of words in each text.

    Attributes:
        total: All words, shape (rows,).
        unknown: Words that are not in the vocabulary, shape (rows,).
    """

    total: Counts
    unknown: Counts

    def share(self) -> float:
        """Return the share of words that are not in the vocabulary."""
        return float(self.unknown.sum() / max(self.total.sum(), 1))

    def by_sample(self, samples: NDArray[np.int64]) -> WordCounts:
        """Return the words of all rows of each sample.

        Args:
            samples: Number of each row's sample, shape (rows,).
        """
        return WordCounts(*(_sums(counts, samples) for counts in (self.total, self.unknown)))


def _sums(counts: Counts, samples: NDArray[np.int64]) -> Counts:
    return np.bincount(samples, weights=counts).astype(np.int64)


def vocabulary_shift(reference: WordCounts, fresh: WordCounts) -> Shift:
    """Compare the shares of words that are not in the vocabulary.

    Unknown words cluster in texts, so a test of two proportions, which assumes independent words,
    would report shifts that do not exist. Whole texts are permuted instead, or whole samples.

    Args:
        reference: Word counts of the earlier texts or samples.
        fresh: Word counts of the new texts or samples.

    Returns:
        The effect is the absolute difference between the two shares.
    """
    total = np.concatenate([reference.total, fresh.total])
    unknown = np.concatenate([reference.unknown, fresh.unknown])

    def share(rows: Counts, axis: int) -> NDArray[np.float64]:
        return np.asarray(unknown[rows].sum(axis) / np.maximum(total[rows].sum(axis), 1))

    def difference(before: Counts, after: Counts, axis: int) -> NDArray[np.float64]:
        return share(after, axis) - share(before, axis)

    rows = np.split(np.arange(len(total)), [len(reference.total)])
    test = permutation_test(
        rows,
        difference,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, _MAX_BATCH_ELEMENTS // len(total)),
        axis=-1,
        rng=np.random.default_rng(SEED),
    )
    before, after = (f"{points(words.share())} %" for words in (reference, fresh))
    sentence = f"Words outside the vocabulary: {before} before, {after} now."
    return Shift(abs(fresh.share() - reference.share()), float(test.pvalue), sentence)
