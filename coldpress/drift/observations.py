"""Rows as an exported model sees them, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.drift.profile import Profile, build_profile
from coldpress.evaluation.predictions import Predictions
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.predictor import Predictor


@dataclass(frozen=True)
class Observations:
    """Rows as a model sees them, and what it answers.

    Attributes:
        answers: The model's are the last ones. Without labels, `labels` is empty.
        portrait: What they look like to it.
    """

    answers: Predictions
    portrait: Profile


def observe(rows: Split, model: Path) -> Observations:
    """Show rows to a model, as evaluation does.

    Args:
        rows: With labels or without, numbered as the model's are.
        model: Folder with `model.onnx` and `tokenizer.json`.

    Returns:
        Its answers and the rows' portrait.
    """
    predictor = Predictor(model)
    encoded = encode(Tokenizer.from_file(str(model / "tokenizer.json")), rows)
    logits = np.asarray(raw_logits(predictor, encoded) / predictor.temperature, dtype=np.float32)
    labels = np.asarray(rows.labels, dtype=np.int64)
    answers = Predictions(rows.ids, predictor.labels, labels, {"onnx": logits})
    return Observations(answers, build_profile(rows, model))
