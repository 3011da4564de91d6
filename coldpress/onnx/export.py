"""Export: a checkpoint, in float32 or quantized, as one ONNX file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import onnx

from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.quantization.core.storage import is_quantized, load_quantized


def export(
    checkpoint: Checkpoint, directory: Path, opset: int, metadata: Mapping[str, str]
) -> None:
    """Write `model.onnx` and `tokenizer.json`; equal checkpoints give equal bytes.

    Args:
        checkpoint: In float32 or quantized.
        directory: What `checkpoint.writing` yielded.
        opset: Version of ONNX's own operators.
        metadata: What the file says of itself; labels and a temperature of 1 are filled in.

    Raises:
        InputError: The model's family or activation has no graph.
        ValueError: onnx's checker refuses the graph.
    """
    classifier = load_any_precision(checkpoint)
    labels = json.dumps(classifier.labels)
    about = {"labels": labels, "temperature": "1.0", **metadata}
    made = build_encoder_graph(classifier).model(len(classifier.labels), opset, about)
    onnx.checker.check_model(made, full_check=True)
    (directory / "model.onnx").write_bytes(made.SerializeToString(deterministic=True))
    shutil.copyfile(checkpoint.path / "tokenizer.json", directory / "tokenizer.json")


def load_any_precision(checkpoint: Checkpoint) -> Classifier:
    """Load a checkpoint in torch, whichever kind it is.

    Args:
        checkpoint: In float32 or quantized.

    Returns:
        The classifier that a graph is to agree with.
    """
    return (
        load_quantized(checkpoint)
        if is_quantized(checkpoint)
        else serialization.load_classifier(checkpoint)
    )
