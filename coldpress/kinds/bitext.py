"""Sentence embeddings, judged by bitext retrieval: is the nearest text the translation?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray
from coldpress.kinds.retrieval import rank_documents
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup
from coldpress.kinds.sentence_embedding import BITEXT_KIND
from coldpress.kinds.vector_learning import VectorLearning
from coldpress.kinds.vectors import Vectors

if TYPE_CHECKING:
    from coldpress.data.splits import Split

_DIRECTIONS = ("source to translation {}", "translation {} to source")


class BitextRetrieval(VectorLearning):
    """Retrieval of translations: each side of a pair searches the other side of all pairs.

    A pair of a text and a translation is a row and a unit; the text with all of its translations is
    the sample. Targets have the shape (pairs, 3): number of the text, place of the translation
    among those of the text, number of the pair. Only pairs with the same place, which are those of
    one language, search each other. Outputs have the shape (pairs, 2): the pair whose translation
    is nearest to the text, and the pair whose text is nearest to the translation.
    """

    name = BITEXT_KIND
    metrics = (
        Metric("rank1", "rank-1 accuracy", "accuracy"),
        Metric("rank1_to_translation", "rank-1 accuracy of translations", "accuracy"),
        Metric("rank1_to_source", "rank-1 accuracy of sources", "accuracy"),
    )
    sample_metric = metrics[0]
    samples_title = "source texts"

    def compare_vectors(self, rows: Vectors, others: Vectors, targets: TargetArray) -> Outputs:
        """Find the nearest translation of each text, and the nearest text of each translation.

        Args:
            rows: Of the texts, shape (pairs, dimension).
            others: Of their translations, shape (pairs, dimension).
            targets: Shape (pairs, 3).

        Returns:
            Numbers of pairs, shape (pairs, 2).
        """
        nearest = np.empty((len(targets), 2), dtype=np.float32)
        for place in np.unique(targets[:, 1]):
            pairs = np.flatnonzero(targets[:, 1] == place)
            sides = rows[pairs], others[pairs]
            for direction, (queries, documents) in enumerate((sides, sides[::-1])):
                first = rank_documents(queries, documents, 1)[:, 0]
                nearest[pairs, direction] = targets[pairs[first], 2]
        return nearest

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute the share of correct nearest texts: of both directions, and of each.

        Args:
            outputs: Shape (pairs, 2).
            targets: Shape (pairs, 3).
        """
        to_translation, to_source = _hits(outputs, targets).mean(axis=0)
        return {
            "rank1": self.main_score(outputs, targets),
            "rank1_to_translation": float(to_translation),
            "rank1_to_source": float(to_source),
        }

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the share of correct nearest texts in both directions."""
        return float(_hits(outputs, targets).mean())

    def counts(self, outputs: Outputs, targets: TargetArray) -> NDArray[np.float64]:
        """Return the correct and all nearest texts of each sample, shape (samples, 2)."""
        samples = self.samples(targets)
        correct = np.bincount(samples, weights=_hits(outputs, targets).sum(axis=1))
        return np.stack([correct, 2.0 * np.bincount(samples)], axis=1)

    def score_of_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of correct nearest texts from sums of `counts`, (..., 2) to (...)."""
        return np.asarray(counts[..., 0] / counts[..., 1], dtype=np.float64)

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the number of each pair's text, from 0 without gaps; none without targets.

        Args:
            targets: Shape (pairs, 3); or (0,) for new texts, which have no targets.
        """
        if targets.ndim == 1:
            return np.arange(len(targets))
        numbers = np.unique(targets[:, 0], return_inverse=True)[1]
        return np.asarray(numbers, dtype=np.int64)

    def split_samples(self, split: Split) -> Split:
        """Return one row for each text, that of its first translation."""
        samples = self.samples(split.target_array)
        return split.take(np.unique(samples, return_index=True)[1].tolist())

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: shares have no unit."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return the share of correct nearest texts of each sample."""
        return self.score_of_counts(self.counts(outputs, targets))

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the share of nearest texts that two models have in common."""
        return float((outputs == others).mean())

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the numbers of the nearest pairs, shape (pairs, 2)."""
        return np.asarray(outputs, dtype=np.int64)

    def target_groups(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
        scale: float,  # noqa: ARG002
    ) -> list[TargetGroup]:
        """Group the searches by language and direction; languages are numbered by their place."""
        hits = _hits(outputs, targets).astype(np.float64)
        return [
            TargetGroup(
                name=title.format(place + 1),
                items=tuple((2 * pairs + direction).tolist()),
                scores=hits[pairs, direction],
            )
            for place in np.unique(targets[:, 1]).tolist()
            for direction, title in enumerate(_DIRECTIONS)
            for pairs in [np.flatnonzero(targets[:, 1] == place)]
        ]

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
    ) -> list[str]:
        """Return how many searches of each text and its translations found the other side."""
        return [
            f"{int(correct)} of {int(searches)} found at rank 1"
            for correct, searches in self.counts(outputs, targets)
        ]

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return the places of each text's translations."""
        samples = self.samples(targets)
        return [
            f"translations {', '.join(str(int(place) + 1) for place in targets[samples == n, 1])}"
            for n in range(int(samples.max(initial=-1)) + 1)
        ]


def _hits(outputs: Outputs, targets: TargetArray) -> NDArray[np.bool_]:
    """Return whether each search found its own pair, shape (pairs, 2)."""
    return np.asarray(outputs == targets[:, 2:], dtype=np.bool_)
