"""Export of a float32 or quantized checkpoint to one ONNX file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import onnx

from coldpress.kinds import DEFAULT_KIND
from coldpress.kinds.kind import TaskKind
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.batches import equal_in_batches
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.onnx.metadata import set_property
from coldpress.onnx.portable_files import write_portable_files
from coldpress.quantization.core.storage import load_any_precision


def export(
    checkpoint: Checkpoint, directory: Path, opset: int, metadata: Mapping[str, str]
) -> None:
    """Write the model, its tokenizer and its configuration; equal checkpoints give equal bytes.

    Args:
        checkpoint: In float32 or quantized.
        directory: Yielded by `checkpoint.new_checkpoint`.
        opset: Version of the ONNX operator set.
        metadata: Added to the file's metadata: labels, a temperature of 1, the task kind unless it
            is text classification, and `equal_length_batches` if texts of equal length can share a
            batch. With `pairs` as `false` the graph has no input for segment ids, since all tokens
            of single texts have segment 0.

    Raises:
        InputError: The model's family or activation function is not supported.
        ValueError: The ONNX checker rejects the graph.
    """
    classifier = load_any_precision(checkpoint)
    labels = json.dumps(classifier.labels)
    properties = {
        "labels": labels,
        "temperature": "1.0",
        **_kind_metadata(classifier.kind),
        **metadata,
    }
    segments = metadata.get("pairs") != "false" or _numbers_segments(classifier)
    graph = build_encoder_graph(classifier, segments=segments)
    model = graph.model(classifier.output_size, opset, properties)
    if equal_in_batches(model.graph):
        set_property(model, "equal_length_batches", "true")
    onnx.checker.check_model(model, full_check=True)
    (directory / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    shutil.copyfile(checkpoint.path / "tokenizer.json", directory / "tokenizer.json")
    write_portable_files(classifier, [value.name for value in model.graph.input], directory)


def _numbers_segments(classifier: Classifier) -> bool:
    """Return whether a tokenizer gives tokens of single texts another segment than 0."""
    return any(classifier.tokenizer.encode("text").type_ids)


def _kind_metadata(kind: TaskKind) -> dict[str, str]:
    """Return kind and activation; without them, a file is one of a text classifier."""
    if kind.name == DEFAULT_KIND:
        return {}
    return {"kind": kind.name, "activation": kind.activation}
