"""Operating points of an exported file: thresholds in its metadata, for servers that read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.operating_points.threshold import choose_thresholds
from coldpress.kinds import task_kind
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.metadata import write_metadata
from coldpress.onnx.predictor import Predictor


def store_operating_points(
    directory: Path, validation: EncodedSplit, sections: Sequence[OperatingPointSection]
) -> None:
    """Choose the thresholds of operating points and write them into the file's metadata.

    Predictions do not depend on them.

    Args:
        directory: Written by `export`, with its temperature; the graph does not change.
        validation: Labelled rows that the model was not trained on.
        sections: The recipe's `evaluate.operating_points`; without any, nothing is written.
    """
    if not sections:
        return
    predictor = Predictor(directory)
    logits = raw_logits(predictor, validation) / predictor.temperature
    kind = task_kind(predictor.kind)
    thresholds = choose_thresholds(sections, kind, predictor.labels, logits, validation.targets)
    points = [
        {**section.model_dump(exclude_none=True), "threshold": threshold}
        for section, threshold in zip(sections, thresholds, strict=True)
    ]
    write_metadata(directory / "model.onnx", "operating_points", json.dumps(points))
