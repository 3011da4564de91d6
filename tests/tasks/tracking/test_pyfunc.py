"""`mlflow models serve` in its own process, queried over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.pyfunc import package_pyfunc
from tests.support.served_model import ask, served

TEXTS = ["cold press", "olive"]
VALID_REQUESTS: dict[str, dict[str, Any]] = {
    "inputs": {"inputs": {"text": TEXTS}},
    "a list": {"inputs": TEXTS},
    "a list of records": {"inputs": [{"text": text} for text in TEXTS]},
    "instances": {"instances": [{"text": text} for text in TEXTS]},
    "records": {"dataframe_records": [{"text": text} for text in TEXTS]},
    "split": {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}},
}
SINGLE = "this model answers single texts"
INVALID_REQUESTS: dict[str, tuple[object, str]] = {
    "too many": ({"inputs": {"text": ["cold"] * 513}}, "513 texts; a request may have 512"),
    "too long": (
        {"dataframe_records": [{"text": "cold"}, {"text": "c" * 100_001}]},
        "text[1] has more than 100000 characters",
    ),
    "no texts": ({"inputs": {"text": []}}, "no texts"),
    "no rows": ({"dataframe_split": {"columns": ["text"], "data": []}}, "no texts"),
    "an empty list": ({"dataframe_records": []}, "no column named text"),
    "another column": ({"inputs": {"txt": TEXTS}}, "no column named text"),
    "nothing": ({"inputs": None}, "text[0] is null"),
    "an empty list of texts": ({"inputs": []}, "no texts"),
    "texts and records": (
        {"inputs": ["cold", {"text": "oil"}]},
        "the rows are neither all texts nor all records",
    ),
    "null": ({"inputs": {"text": ["cold", None]}}, "text[1] is null"),
    "null alone": ({"inputs": {"text": None}}, "text[0] is null"),
    "null in a record": ({"dataframe_records": [{"text": None}]}, "text[0] is null"),
    "a number": ({"inputs": {"text": 1}}, "text[0] is int, not text"),
    "a number beside": (
        {"dataframe_split": {"columns": ["text"], "data": [["cold"], [1]]}},
        "text[1] is int, not text",
    ),
    "numbers": ({"instances": [{"text": 1}]}, "text[0] is int, not text"),
    "a truth": ({"dataframe_records": [{"text": True}]}, "text[0] is bool, not text"),
    "a record": ({"dataframe_records": [{"text": {"a": 1}}]}, "text[0] is dict, not text"),
    "lists": ({"inputs": {"text": [["cold"], ["oil"]]}}, "text[0] is list, not text"),
    "half a character": ({"inputs": {"text": ["\ud800"]}}, "text[0] contains a lone surrogate"),
    "pairs": ({"inputs": {"text": ["cold"], "text_pair": ["oil"]}}, SINGLE),
    "some pairs": (
        {"dataframe_records": [{"text": "cold", "text_pair": "oil"}, {"text": "oil"}]},
        SINGLE,
    ),
}


@pytest.fixture
def files(tiny: Classifier, state: Path) -> Path:
    """The tiny model, exported, and registered as `tiny@champion`."""
    write_checkpoint(tiny, state / "torch", Manifest(stage="quantize"))
    with new_checkpoint(state / "files", Manifest(stage="export_onnx")) as directory:
        about = {"pairs": "false", "temperature": "2.0"}
        export(Checkpoint.open(state / "torch"), directory, 17, about)
    checkpoint = Checkpoint.open(state / "files")
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "export_onnx", {})
    uri = artifacts.log_model(
        run_id, "tiny", package_pyfunc(checkpoint.path, state / "packed"), "export_onnx"
    )
    registry.register("tiny", uri, run_id, {"digest": checkpoint.digest})
    runs.client().set_registered_model_alias("tiny", "champion", "1")
    return checkpoint.path


@pytest.mark.integration
def test_a_champion_predicts_over_http_and_rejects_invalid_input(files: Path, state: Path) -> None:
    expected = Predictor(files).predict(TEXTS)
    with served("models:/tiny@champion", state / "server", os.environ) as address:
        answers = {name: ask(address, body) for name, body in VALID_REQUESTS.items()}
        refusals = {name: ask(address, body) for name, (body, _) in INVALID_REQUESTS.items()}
        most = ask(address, {"inputs": {"text": ["cold"] * 511 + ["c" * 100_000]}})
    assert answers == dict.fromkeys(VALID_REQUESTS, (200, {"predictions": expected}))
    assert refusals == {
        name: (400, {"error_code": "BAD_REQUEST", "message": message})
        for name, (_, message) in INVALID_REQUESTS.items()
    }
    assert (most[0], len(most[1]["predictions"])) == (200, 512)
