"""Static token vectors of model2vec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("model2vec", "torch", "transformers", "scikit-learn")


def build(variant: str, job: Job, folder: Path) -> Files:
    """Distill static vectors, and train a classifier on them.

    Args:
        variant: `logistic` and `trained` distill the pretrained model, `trained-teacher` distills
            the teacher's encoder. The last two train model2vec's own classifier.
        job: Its rows.
        folder: For the model.
    """
    from model2vec.train import StaticModelForClassification

    source = job.teacher if variant == "trained-teacher" else job.pretrained_model
    vectors = _distill(source)
    if variant == "logistic":
        return _fit_logistic(vectors, job, folder)
    classifier = StaticModelForClassification.from_static_model(model=vectors)
    # Its early stopping then sees the rows that other peers choose their settings on.
    validation = {"X_val": job.validation.texts, "y_val": job.validation.labels}
    classifier.fit(job.train.texts, job.train.labels, device="cpu", **validation)
    classifier.to_pipeline().save_pretrained(str(folder / "served"))
    return _files(folder)


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the vectors and the classifier."""
    from model2vec import StaticModel
    from model2vec.inference import StaticModelPipeline

    if variant != "logistic":
        pipeline = StaticModelPipeline.from_pretrained(str(folder / "served"))
        return Served(lambda texts: [str(label) for label in pipeline.predict(list(texts))])

    import joblib

    vectors = StaticModel.from_pretrained(str(folder / "served"))
    classifier: Any = joblib.load(folder / "served" / "classifier.joblib")

    def predict(texts: Sequence[str]) -> list[str]:
        labels: list[str] = classifier.predict(vectors.encode(list(texts))).tolist()
        return labels

    return Served(predict)


def _distill(source: str) -> Any:  # noqa: ANN401
    """Distill with the library's defaults: 256 principal components, SIF weights, float16."""
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    return distill_from_model(AutoModel.from_pretrained(source), tokenizer, device="cpu")


def _fit_logistic(vectors: Any, job: Job, folder: Path) -> Files:  # noqa: ANN401
    import joblib
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(max_iter=1000)
    classifier.fit(vectors.encode(job.train.texts), job.train.labels)
    vectors.save_pretrained(str(folder / "served"))
    joblib.dump(classifier, folder / "served" / "classifier.joblib")
    return _files(folder)


def _files(folder: Path) -> Files:
    model = [*(folder / "served").glob("*.safetensors"), *(folder / "served").glob("*.joblib")]
    return Files(model, [folder / "served" / "tokenizer.json"])
