"""Bootstrap resamples of the predictions of two models, drawn as counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK_SIZE = 1000

Labels = NDArray[np.int64]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Rows counted by true class and by the predictions of both models; no cell is empty.

    Attributes:
        classes: True class of each cell, ascending, shape (cells,).
        model: Prediction of the model, shape (cells,).
        baseline: Prediction of the baseline, shape (cells,).
        counts: Rows of each cell, shape (cells,).
    """

    classes: Labels
    model: Labels
    baseline: Labels
    counts: Labels

    @classmethod
    def from_predictions(cls, model: Labels, baseline: Labels, classes: Labels) -> Cells:
        """Count rows by class and predictions.

        Args:
            model: Label indices that the model predicts, shape (rows,).
            baseline: Label indices that the baseline predicts, shape (rows,).
            classes: True classes, shape (rows,).

        Returns:
            The cells.
        """
        rows = np.stack([classes, model, baseline])
        (true, first, second), counts = np.unique(rows, axis=1, return_counts=True)
        return cls(true, first, second, counts)

    def macro_f1_differences(self, counts: Counts) -> NDArray[np.float64]:
        """Return the macro F1 of the model minus that of the baseline.

        Args:
            counts: Rows of each cell in each resample, shape (resamples, cells).

        Returns:
            Shape (resamples,).
        """
        return self._macro_f1(self.model, counts) - self._macro_f1(self.baseline, counts)

    def _macro_f1(self, predictions: Labels, counts: Counts) -> NDArray[np.float64]:
        """Mean of 2 hits / (rows + predictions) over the classes that occur in either."""
        labels = np.arange(max(self.classes.max(), predictions.max()) + 1)
        of_class = self.classes[:, None] == labels  # (cells, labels)
        predicted = predictions[:, None] == labels
        hits = counts @ (of_class & predicted).astype(np.float64)  # (resamples, labels)
        either = counts @ (of_class.astype(np.float64) + predicted)
        f1 = 2 * hits / np.maximum(either, 1)
        return np.asarray(f1.sum(axis=1) / (either > 0).sum(axis=1))


def macro_f1_differences(cells: Cells, resamples: int, seed: int) -> NDArray[np.float64]:
    """Bootstrap the difference in macro F1 of two models, stratified by class.

    Args:
        cells: Their predictions.
        resamples: Number of resamples, drawn in chunks to limit memory.
        seed: Seed of the random generator.

    Returns:
        Macro F1 of the model minus that of the baseline, shape (resamples,).
    """
    random = np.random.default_rng(seed)
    sizes = [min(CHUNK_SIZE, resamples - start) for start in range(0, resamples, CHUNK_SIZE)]
    return np.concatenate([cells.macro_f1_differences(_resample(cells, n, random)) for n in sizes])


def _resample(cells: Cells, resamples: int, random: np.random.Generator) -> Counts:
    """Draw rows of each class with replacement: multinomial counts, shape (resamples, cells)."""
    starts = np.unique(cells.classes, return_index=True)[1][1:]
    resampled = [
        random.multinomial(of_class.sum(), of_class / of_class.sum(), size=resamples)
        for of_class in np.split(cells.counts, starts)
    ]
    return np.concatenate(resampled, axis=1).astype(np.float64)
