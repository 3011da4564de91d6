"""TF-IDF with logistic regression in scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("scikit-learn",)
STRENGTHS = (1.0, 10.0)
"""Inverse strengths of the regularization; the best on validation is kept."""


def build(variant: str, job: Job, folder: Path) -> Files:
    """Fit one pipeline per strength, and keep the one with the best validation accuracy.

    Args:
        variant: `words`, or `characters` for words and character n-grams.
        job: Its rows.
        folder: For the pipeline.
    """
    import joblib

    pipelines = [_pipeline(variant, strength) for strength in STRENGTHS]
    for pipeline in pipelines:
        pipeline.fit(job.train.texts, job.train.labels)
    rows = (job.validation.texts, job.validation.labels)
    best = max(pipelines, key=lambda pipeline: float(pipeline.score(*rows)))
    joblib.dump(best, folder / "pipeline.joblib")
    return Files([folder / "pipeline.joblib"], [])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the pipeline."""
    import joblib

    pipeline: Any = joblib.load(folder / "pipeline.joblib")

    def predict(texts: Sequence[str]) -> list[str]:
        labels: list[str] = pipeline.predict(texts).tolist()
        return labels

    return Served(predict)


def _pipeline(variant: str, strength: float) -> Any:  # noqa: ANN401
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    features = words if variant == "words" else make_union(words, characters)
    return make_pipeline(features, LogisticRegression(C=strength, max_iter=1000))
