"""Thresholds of an exported file's labels, fitted to its own outputs."""

from __future__ import annotations

import json
from pathlib import Path

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds import task_kind
from coldpress.kinds.thresholds import fit_thresholds
from coldpress.onnx.inference import decision_outputs, raw_logits
from coldpress.onnx.metadata import write_metadata
from coldpress.onnx.predictor import Predictor, sigmoid


def store_thresholds(directory: Path, validation: EncodedSplit) -> dict[str, float]:
    """Fit the thresholds of `model.onnx` and write them into the file's metadata.

    Args:
        directory: Written by `export`, with its temperature; the graph does not change.
        validation: Labelled rows that the model was not trained on.

    Returns:
        The first metric of the task kind with these thresholds, by its name for tracking; empty if
        the kind has no thresholds.
    """
    predictor = Predictor(directory)
    kind = task_kind(predictor.kind)
    if kind.activation != "sigmoid":
        return {}
    logits = raw_logits(predictor, validation) / predictor.temperature
    probabilities = sigmoid(fit_thresholds(logits, validation.targets)).tolist()
    write_metadata(directory / "model.onnx", "thresholds", json.dumps(probabilities))
    margins = decision_outputs(Predictor(directory), validation)
    return {f"validation_{kind.metrics[0].name}": kind.main_score(margins, validation.targets)}
