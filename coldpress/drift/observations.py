"""Rows as an exported model sees them, with its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.drift.profile import Profile, build_profile
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import task_kind
from coldpress.kinds.samples import row_samples, split_row_samples
from coldpress.onnx.inference import decision_outputs
from coldpress.onnx.predictor import Predictor


@dataclass(frozen=True)
class Observations:
    """Predictions for some rows and the profile of their texts.

    Attributes:
        predictions: The model's are the last ones. Without labels, `targets` is empty.
        profile: Word counts and embeddings of the texts.
        samples: Number of each row's sample; None: as the targets say.
    """

    predictions: Predictions
    profile: Profile
    samples: NDArray[np.int64] | None = None

    @property
    def row_samples(self) -> NDArray[np.int64]:
        """Number of each row's sample, shape (rows,)."""
        if self.samples is not None:
            return self.samples
        rows = len(self.predictions.ids)
        targets = self.predictions.targets
        return (
            row_samples(self.predictions.kind, targets, rows) if len(targets) else np.arange(rows)
        )


def observe(rows: Split, model: Path) -> Observations:
    """Run a model on rows, as evaluation does.

    Args:
        rows: With or without labels; label indices are the model's.
        model: Folder with `model.onnx` and `tokenizer.json`.

    Returns:
        The model's predictions and the profile of the rows.
    """
    predictor = Predictor(model)
    encoded = encode(Tokenizer.from_file(str(model / "tokenizer.json")), rows)
    logits = np.asarray(decision_outputs(predictor, encoded), dtype=np.float32)
    kind = task_kind(predictor.kind)
    predictions = Predictions(
        tuple(rows.ids),
        kind,
        predictor.labels,
        rows.target_array,
        {"onnx": logits},
        units=rows.units,
    )
    return Observations(predictions, build_profile(rows, model), split_row_samples(kind, rows))
