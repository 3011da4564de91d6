"""The deployable form of a model: an MLflow pyfunc from code, without torch and without pickle."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import AnyType, Map

from coldpress.onnx import predictor

_LOADER = "coldpress_predictor"
_NEEDED_TO_SERVE = ("numpy", "onnxruntime", "tokenizers")


def pack(checkpoint: Path, into: Path) -> Path:
    """Lay an ONNX checkpoint out as a pyfunc: text in, label and scores out.

    The predictor travels as source, so that serving needs neither torch, transformers nor this
    project.

    Args:
        checkpoint: A written checkpoint with `model.onnx` and `tokenizer.json`.
        into: Directory that does not exist yet.

    Returns:
        The directory.
    """
    code = into.parent / f"{_LOADER}.py"
    shutil.copyfile(predictor.__file__, code)
    mlflow.pyfunc.save_model(
        str(into),
        loader_module=_LOADER,
        data_path=str(checkpoint),
        code_paths=[str(code)],
        signature=_signature(),
        input_example={"text": ["how far is it"]},
        pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED_TO_SERVE],
    )
    return into


def _signature() -> ModelSignature:
    # As `string`, MLflow's server would hand null over as "None" and 1 as "1". As `Any`, and not
    # required, whatever was sent reaches the predictor, which says in one line what is wrong.
    whatever = AnyType()  # type: ignore[no-untyped-call]
    text = ColSpec(whatever, "text", required=False)
    pair = ColSpec(whatever, "text_pair", required=False)
    label, score = ColSpec(DataType.string, "label"), ColSpec(DataType.double, "score")
    scores, echo = ColSpec(Map(DataType.double), "scores"), ColSpec(DataType.string, "text")
    return ModelSignature(inputs=Schema([text, pair]), outputs=Schema([echo, label, score, scores]))
