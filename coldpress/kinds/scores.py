"""Metrics, and the scores of samples and groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SampleScores = NDArray[np.float64]
"""One score per sample from 0 (wrong) to 1 (right), shape (samples,)."""


@dataclass(frozen=True)
class Metric:
    """A quality metric; higher is better.

    Attributes:
        name: Key in `scores` of a scorecard, and part of the names of MLflow metrics.
        title: Name in sentences, tables and figures.
        hub_name: Name of the metric on the Hugging Face hub, for the model card.
    """

    name: str
    title: str
    hub_name: str

    @property
    def heading(self) -> str:
        """The title at the start of a sentence."""
        return capitalize_title(self.title)


def capitalize_title(title: str) -> str:
    """Return a title with a capital letter, unless it is a name such as nDCG."""
    if title[1:2].isupper():
        return title
    return title[:1].upper() + title[1:]


@dataclass(frozen=True)
class TargetGroup:
    """Items with similar targets, such as the rows of a label, and a model's scores for them.

    Attributes:
        name: Name for reports, as in `label LOC`.
        items: Numbers of the items, ascending: of samples, or of parts of samples.
        scores: Of a model, from 0 to 1, shape (items,).
        samples: Number of each item's sample if several items may be parts of one, such as the
            entities of a text, shape (items,); None if the items are samples.
    """

    name: str
    items: tuple[int, ...]
    scores: NDArray[np.float64]
    samples: NDArray[np.int64] | None = None
