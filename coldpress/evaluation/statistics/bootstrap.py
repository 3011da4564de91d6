"""Bootstrap resamples of two models' answers, drawn as counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK_SIZE = 1000

Labels = NDArray[np.int64]
Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Rows gathered by their class and by what both models answer; only what occurs is a cell.

    Attributes:
        classes: True class of each cell, ascending, shape (cells,).
        model: The model's answer, shape (cells,).
        baseline: The baseline's answer, shape (cells,).
        counts: Rows of each cell, shape (cells,).
    """

    classes: Labels
    model: Labels
    baseline: Labels
    counts: Labels

    @classmethod
    def of(cls, model: Labels, baseline: Labels, classes: Labels) -> Cells:
        """Gather rows.

        Args:
            model: The model's answers as label indices, shape (rows,).
            baseline: The baseline's, shape (rows,).
            classes: True classes, shape (rows,).

        Returns:
            Their cells.
        """
        rows = np.stack([classes, model, baseline])
        (true, first, second), counts = np.unique(rows, axis=1, return_counts=True)
        return cls(true, first, second, counts)

    def macro_f1_differences(self, counts: Counts) -> NDArray[np.float64]:
        """Macro F1 of the model minus the baseline's.

        Args:
            counts: Rows of each cell in each resample, shape (resamples, cells).

        Returns:
            Shape (resamples,).
        """
        return self._macro_f1(self.model, counts) - self._macro_f1(self.baseline, counts)

    def _macro_f1(self, answers: Labels, counts: Counts) -> NDArray[np.float64]:
        """Mean over the classes that are among labels or answers of 2 hits / (rows + answers)."""
        labels = np.arange(max(self.classes.max(), answers.max()) + 1)
        of_class, answered = self.classes[:, None] == labels, answers[:, None] == labels
        hits = counts @ (of_class & answered).astype(np.float64)  # (resamples, labels)
        either = counts @ (of_class.astype(np.float64) + answered)
        f1 = 2 * hits / np.maximum(either, 1)
        return np.asarray(f1.sum(axis=1) / (either > 0).sum(axis=1))


def macro_f1_differences(cells: Cells, resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw the difference in macro F1 of two models, stratified by class.

    Args:
        cells: Their answers.
        resamples: How many to draw, a chunk at a time.
        seed: Of the draw.

    Returns:
        The model's minus the baseline's, shape (resamples,).
    """
    random = np.random.default_rng(seed)
    sizes = [min(CHUNK_SIZE, resamples - start) for start in range(0, resamples, CHUNK_SIZE)]
    return np.concatenate([cells.macro_f1_differences(_resample(cells, n, random)) for n in sizes])


def _resample(cells: Cells, resamples: int, random: np.random.Generator) -> Counts:
    """Draw rows of each class with replacement: multinomial counts, shape (resamples, cells)."""
    starts = np.unique(cells.classes, return_index=True)[1][1:]
    drawn = [
        random.multinomial(of_class.sum(), of_class / of_class.sum(), size=resamples)
        for of_class in np.split(cells.counts, starts)
    ]
    return np.concatenate(drawn, axis=1).astype(np.float64)
