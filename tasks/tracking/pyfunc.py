"""Package a model for deployment: an MLflow pyfunc from code, without torch or pickle."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array, Map, Object, Property

if TYPE_CHECKING:
    from coldpress.onnx.predictor import Predictor

_LOADER_MODULE = "coldpress_predictor"
_SERVING_REQUIREMENTS = ("numpy", "onnxruntime", "tokenizers")


def package_pyfunc(checkpoint: Path, into: Path) -> Path:
    """Package an ONNX checkpoint as a pyfunc: text in; labels, entities or a number out.

    The predictor is copied as source, so that serving needs neither torch, transformers nor this
    project.

    Args:
        checkpoint: A checkpoint with `model.onnx` and `tokenizer.json`.
        into: Directory to create.

    Returns:
        `into`.
    """
    import mlflow.pyfunc

    from coldpress.onnx import predictor

    code = into.parent / f"{_LOADER_MODULE}.py"
    shutil.copyfile(predictor.__file__, code)
    mlflow.pyfunc.save_model(
        str(into),
        loader_module=_LOADER_MODULE,
        data_path=str(checkpoint),
        code_paths=[str(code)],
        signature=_signature(predictor.Predictor(checkpoint)),
        input_example={"text": ["how far is it"]},
        pip_requirements=[f"{name}=={version(name)}" for name in _SERVING_REQUIREMENTS],
    )
    return into


def _signature(model: Predictor) -> ModelSignature:
    """Declare the outputs only; the predictor validates its inputs itself.

    MLflow's server converts declared text columns to strings, so that null becomes "None". Any
    declared input also passes through pandas, which costs a worker 7 MB of memory.
    """
    text = ColSpec(DataType.string, "text")
    label = ColSpec(DataType.string, "label")
    labels = ColSpec(Array(DataType.string), "labels")
    score = ColSpec(DataType.double, "score")
    scores = ColSpec(Map(DataType.double), "scores")
    outputs: dict[str, list[ColSpec | TensorSpec]] = {
        "softmax": [text, label, score, scores],
        "sigmoid": [text, labels, scores],
        "none": [text, score],
        "vector": [text, ColSpec(Array(DataType.double), "vector")],
    }
    if model.kind == "token-classification":
        return ModelSignature(outputs=Schema([text, ColSpec(_entities(), "entities")]))
    form = "vector" if model.returns_vectors else model.activation
    return ModelSignature(outputs=Schema(outputs[form]))


def _entities() -> Array:
    fields = {
        "start": DataType.long,
        "end": DataType.long,
        "text": DataType.string,
        "label": DataType.string,
        "score": DataType.double,
    }
    return Array(Object([Property(name, kind) for name, kind in fields.items()]))
