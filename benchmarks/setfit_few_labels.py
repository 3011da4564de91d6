"""Train SetFit with a few labelled rows, by its own program, and print its accuracy.

    ENVIRONMENT/bin/python benchmarks/setfit_few_labels.py MODEL train.jsonl test.jsonl

Needs an environment with `benchmarks/peers/requirements-setfit.txt`. The settings are those of the
paper (Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts", section 4): 20 pairs of
either kind for each text, one epoch; otherwise SetFit's defaults.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
from text_collections import read_rows

MAX_TOKENS = 64


def main() -> None:
    """Train, predict, and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("model")
    options.add_argument("train", type=Path)
    options.add_argument("test", type=Path)
    options.add_argument("--pairs", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    train, test = read_rows(arguments.train), read_rows(arguments.test)
    start = time.perf_counter()
    model = _fit(arguments, train)
    seconds = time.perf_counter() - start
    predicted = model.predict([row["text"] for row in test], show_progress_bar=False)
    correct = np.asarray(predicted) == np.array([row["label"] for row in test])
    print(f"accuracy {correct.mean():.4f} of {len(test)} rows, {seconds:.0f} s of training")


def _fit(arguments: argparse.Namespace, rows: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    model = SetFitModel.from_pretrained(arguments.model, device="cpu")
    settings = TrainingArguments(
        num_iterations=arguments.pairs,
        num_epochs=1,
        batch_size=16,
        max_length=MAX_TOKENS,
        seed=arguments.seed,
        save_strategy="no",
        report_to="none",
    )
    columns = {name: [row[name] for row in rows] for name in ("text", "label")}
    Trainer(model=model, args=settings, train_dataset=Dataset.from_dict(columns)).train()
    return model


if __name__ == "__main__":
    main()
