"""Write a fine-tuned model's answers to files, with nothing but transformers.

    python benchmarks/write_answers.py MODEL train.jsonl train-answers.jsonl [--top 3]

Every line of the input needs a `text`. Without `--top`, an answer has the probabilities of all
labels; with it, the natural logarithms of the most probable ones, as an API returns them
(`teacher.values: log-probabilities`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

_BATCH_SIZE = 64


def main() -> None:
    """Answer every text of a file."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("model", type=Path)
    options.add_argument("texts", type=Path)
    options.add_argument("answers", type=Path)
    options.add_argument("--top", type=int, default=None)
    arguments = options.parse_args()
    lines = arguments.texts.read_text(encoding="utf-8").split("\n")
    texts = list(dict.fromkeys(json.loads(line)["text"] for line in lines if line.strip()))
    with arguments.answers.open("w", encoding="utf-8") as file:
        for text, answer in zip(texts, _answer(arguments.model, texts, arguments.top), strict=True):
            file.write(json.dumps({"text": text, "answer": answer}, ensure_ascii=False) + "\n")


@torch.inference_mode()
def _answer(directory: Path, texts: list[str], top: int | None) -> Iterator[dict[str, float]]:
    build: Any = AutoModelForSequenceClassification
    model = build.from_pretrained(directory).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(directory)
    names = [model.config.id2label[number] for number in range(model.config.num_labels)]
    for start in range(0, len(texts), _BATCH_SIZE):
        batch = texts[start : start + _BATCH_SIZE]
        inputs = tokenizer(batch, padding=True, truncation=True, max_length=64, return_tensors="pt")
        for row in model(**inputs).logits.log_softmax(dim=-1):
            yield _format(dict(zip(names, row.tolist(), strict=True)), top)


def _format(logarithms: dict[str, float], top: int | None) -> dict[str, float]:
    if top is None:
        probabilities = torch.tensor(list(logarithms.values())).exp().tolist()
        return dict(zip(logarithms, probabilities, strict=True))
    best = sorted(logarithms, key=lambda name: -logarithms[name])[:top]
    return {name: logarithms[name] for name in best}


if __name__ == "__main__":
    main()
