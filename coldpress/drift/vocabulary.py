"""Vocabulary shift: does the model's tokenizer still know the words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import permutation_test

from coldpress.drift.shift import RESAMPLES, SEED, Shift
from coldpress.evaluation.wording import points

Counts = NDArray[np.int64]
_MAX_BATCH_SIZE = 2_000_000


@dataclass(frozen=True)
class WordCounts:
    """Words by text.

    Attributes:
        all: How many each text has, shape (rows,).
        unknown: How many of these the vocabulary does not have, shape (rows,).
    """

    all: Counts
    unknown: Counts

    def share(self) -> float:
        """Return the share of all words that is unknown."""
        return float(self.unknown.sum() / max(self.all.sum(), 1))


def vocabulary_shift(reference: WordCounts, fresh: WordCounts) -> Shift:
    """Compare the shares of words that are not in the vocabulary.

    A text that has one unknown word often has more, so a test of two proportions that takes words
    for independent would see shifts where there are none. Whole texts are permuted instead.

    Args:
        reference: Of the earlier texts.
        fresh: Of the fresh texts.

    Returns:
        As the effect, how many words more or fewer are unknown, as a share of all words.
    """
    every = np.concatenate([reference.all, fresh.all])
    unknown = np.concatenate([reference.unknown, fresh.unknown])

    def difference(one: Counts, other: Counts, axis: int) -> NDArray[np.float64]:
        shares = [unknown[of].sum(axis) / np.maximum(every[of].sum(axis), 1) for of in (other, one)]
        return np.asarray(shares[0] - shares[1])

    rows = np.split(np.arange(len(every)), [len(reference.all)])
    tested = permutation_test(
        rows,
        difference,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, _MAX_BATCH_SIZE // len(every)),
        axis=-1,
        rng=np.random.default_rng(SEED),
    )
    before, after = (f"{points(words.share())} %" for words in (reference, fresh))
    sentence = f"Of the words, {before} were not in the vocabulary, and {after} are not now."
    return Shift(abs(fresh.share() - reference.share()), float(tested.pvalue), sentence)
