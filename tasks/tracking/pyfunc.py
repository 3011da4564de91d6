"""The deployable form of a model: an MLflow pyfunc from code, without torch and without pickle."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import mlflow.pyfunc
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Map

from coldpress.onnx import predictor

_LOADER_MODULE = "coldpress_predictor"
_SERVING_REQUIREMENTS = ("numpy", "onnxruntime", "tokenizers")


def package_pyfunc(checkpoint: Path, into: Path) -> Path:
    """Lay an ONNX checkpoint out as a pyfunc: text in, label and scores out.

    The predictor travels as source, so that serving needs neither torch, transformers nor this
    project.

    Args:
        checkpoint: A written checkpoint with `model.onnx` and `tokenizer.json`.
        into: Directory that does not exist yet.

    Returns:
        The directory.
    """
    code = into.parent / f"{_LOADER_MODULE}.py"
    shutil.copyfile(predictor.__file__, code)
    mlflow.pyfunc.save_model(
        str(into),
        loader_module=_LOADER_MODULE,
        data_path=str(checkpoint),
        code_paths=[str(code)],
        signature=_signature(),
        input_example={"text": ["how far is it"]},
        pip_requirements=[f"{name}=={version(name)}" for name in _SERVING_REQUIREMENTS],
    )
    return into


def _signature() -> ModelSignature:
    """Say what comes out, and leave what goes in to the predictor.

    Of a column that is declared as text MLflow's server makes texts, null becoming "None". Columns
    that are declared at all go through pandas, which takes 7 MB of a worker's memory.
    """
    label, score = ColSpec(DataType.string, "label"), ColSpec(DataType.double, "score")
    scores, echo = ColSpec(Map(DataType.double), "scores"), ColSpec(DataType.string, "text")
    return ModelSignature(outputs=Schema([echo, label, score, scores]))
