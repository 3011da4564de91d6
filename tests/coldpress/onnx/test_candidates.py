"""The exported model is evaluated as it is served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import torch_candidate
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.candidates import _onnx_candidate
from coldpress.onnx.export import export
from coldpress.quantization.precision import describe_arithmetic


def test_an_onnx_models_logits_are_divided_by_the_temperature_of_its_file(
    tiny: Classifier, tiny_checkpoint: Checkpoint, split: Split, tmp_path: Path
) -> None:
    test = encode(tiny.tokenizer, split)
    with new_checkpoint(tmp_path / "onnx", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {"temperature": "2.5"})
    parent = torch_candidate("quantized", None, tiny, test, 8)
    onnx = _onnx_candidate("onnx", parent, tmp_path / "onnx", 4, 1)
    assert (onnx.temperature, parent.temperature) == (2.5, 1.0)
    assert np.allclose(onnx.outputs(split), parent.outputs(split) / 2.5, atol=1e-5)


def test_an_onnx_model_has_the_arithmetic_of_its_checkpoint(
    tiny: Classifier, tiny_checkpoint: Checkpoint, split: Split, tmp_path: Path
) -> None:
    test = encode(tiny.tokenizer, split)
    with new_checkpoint(tmp_path / "onnx", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {})
    parent = torch_candidate("quantized", None, tiny, test, 8)
    quantized = replace(parent, computes_in=describe_arithmetic(tiny))
    assert _onnx_candidate(
        "onnx", quantized, tmp_path / "onnx", 4, 1
    ).computes_in == describe_arithmetic(tiny)
    assert parent.computes_in == ()
