"""SetFit: contrastive fine-tuning of a sentence transformer, and logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.workers.protocol import Files, Job, Served

LIBRARIES = ("setfit", "sentence-transformers", "torch", "transformers")
STEPS = 200
"""Limit of the contrastive fine-tuning; all pairs of thousands of rows would take days."""


def build(variant: str, job: Job, folder: Path) -> Files:  # noqa: ARG001
    """Fine-tune the pretrained model on pairs of training rows, and fit the head on all of them.

    Args:
        variant: Unused.
        job: Its rows.
        folder: For the model.
    """
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(job.pretrained_model, labels=job.labels, device="cpu")
    columns = {"text": job.train.texts, "label": [job.labels.index(x) for x in job.train.labels]}
    settings = TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        max_steps=STEPS,
        max_length=job.max_tokens,
        save_strategy="no",
        report_to="none",
    )
    Trainer(model=model, args=settings, train_dataset=Dataset.from_dict(columns)).train()
    model.save_pretrained(str(folder / "served"))
    weights = folder / "served" / "model.safetensors"
    head = folder / "served" / "model_head.pkl"
    return Files([weights, head], [folder / "served" / "tokenizer.json"])


def load(variant: str, job: Job, folder: Path, threads: int) -> Served:  # noqa: ARG001
    """Load the model."""
    import torch
    from setfit import SetFitModel

    torch.set_num_threads(threads)
    model: Any = SetFitModel.from_pretrained(str(folder / "served"), device="cpu")

    def predict(texts: Sequence[str]) -> list[str]:
        return [str(label) for label in model.predict(list(texts), show_progress_bar=False)]

    return Served(predict)
