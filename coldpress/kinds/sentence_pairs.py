"""Sentence embeddings, judged by scored pairs: does the cosine rank them as the scores do?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray
from coldpress.kinds.regression import Regression
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup
from coldpress.kinds.sentence_embedding import PAIRS_KIND
from coldpress.kinds.vector_learning import VectorLearning, cosines
from coldpress.kinds.vectors import Vectors

if TYPE_CHECKING:
    from coldpress.data.splits import Split

_NUMBERS = Regression()


class SentencePairs(VectorLearning):
    """Similarity: outputs are the cosines of pairs, targets are their scores.

    A pair is a row, a unit and a sample. Its score of its own compares ranks, since cosines and
    targets have different units.
    """

    name = PAIRS_KIND
    metrics = (_NUMBERS.metrics[0],)
    sample_metric = Metric("rank_closeness", "closeness of ranks", "rank_closeness")
    samples_title = "pairs"

    def compare_vectors(self, rows: Vectors, others: Vectors, targets: TargetArray) -> Outputs:  # noqa: ARG002
        """Return the cosine of each pair, shape (pairs, 1)."""
        return cosines(rows, others)[:, None].astype(np.float32)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute the Spearman correlation of cosines (pairs, 1) and scores (pairs,)."""
        return {"spearman": self.main_score(outputs, targets)}

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the Spearman correlation."""
        return _NUMBERS.main_score(outputs, targets)

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the number of each pair."""
        return np.arange(len(targets))

    def split_samples(self, split: Split) -> Split:
        """Return the split: a row is a pair."""
        return split

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: ranks have no unit."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return 1 minus the distance of the pair's two ranks as a share of all ranks.

        Args:
            outputs: Shape (pairs, 1).
            targets: Shape (pairs,).
            scale: Unused.
        """
        distances = np.abs(_ranks(outputs[:, 0]) - _ranks(targets))
        return np.asarray(1 - distances / max(1, len(targets) - 1), dtype=np.float64)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:
        """Return the Spearman correlation of the cosines of two models."""
        return _NUMBERS.agreement(outputs, others, targets)

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the cosines, shape (pairs,)."""
        return _NUMBERS.predicted_targets(outputs)

    def target_groups(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str], scale: float
    ) -> list[TargetGroup]:
        """Group the pairs by quarter of their scores."""
        quarters = _NUMBERS.target_groups(outputs, targets, names, 1.0)
        scores = self.sample_scores(outputs, targets, scale)
        return [TargetGroup(g.name, g.items, scores[list(g.items)]) for g in quarters]

    def prediction_texts(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str]
    ) -> list[str]:
        """Return each cosine with three significant digits."""
        return _NUMBERS.prediction_texts(outputs, targets, names)

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return each score in full."""
        return _NUMBERS.target_texts(targets, names)


def _ranks(values: TargetArray) -> NDArray[np.float64]:
    from scipy.stats import rankdata  # slow to import

    return np.asarray(rankdata(values), dtype=np.float64)
