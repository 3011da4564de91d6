"""Requests to a model that reads pairs of texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from flows.serving.application import create_application
from flows.serving.metrics import Metrics
from flows.serving.model_slot import ModelSlot, load_folder

WRONG_FIELDS = [
    ({"text": ["cold"]}, "this model answers pairs of texts"),
    ({"text": ["cold"], "text_pair": None}, "this model answers pairs of texts"),
    ({"text_pair": ["cold"]}, "no field text"),
    ({"text": ["cold", "warm"], "text_pair": ["oil"]}, "text has 2 rows, but text_pair has 1"),
    ({"text": ["cold"], "text_pair": ["oil", "fast"]}, "text has 1 rows, but text_pair has 2"),
    ({"text": ["cold"], "text_pair": [1]}, "text_pair[0] is int, not text"),
    ({"text": ["cold"], "text_pair": "oil"}, "text_pair must be a list of texts"),
]


@pytest.fixture
def pairs_folder(tmp_path: Path, tiny_checkpoint: Checkpoint) -> Path:
    with new_checkpoint(tmp_path / "pairs", Manifest(stage="export_onnx")) as directory:
        export(tiny_checkpoint, directory, 17, {"pairs": "true"})
    return tmp_path / "pairs"


@pytest.fixture
def client(pairs_folder: Path) -> TestClient:
    slot = ModelSlot(load_folder(pairs_folder, "nli", 1))
    return TestClient(create_application(slot, Metrics(slot.model)))


def test_pairs_are_answered_as_by_the_predictor(client: TestClient, pairs_folder: Path) -> None:
    response = client.post("/predict", json={"text": ["cold"], "text_pair": ["olive oil"]})
    expected = Predictor(pairs_folder).predict(["cold"], ["olive oil"])
    assert response.json() == {"model": "nli/1", "predictions": expected}


@pytest.mark.parametrize(("body", "message"), WRONG_FIELDS)
def test_fields_that_make_no_pairs_are_refused(
    client: TestClient, body: dict[str, object], message: str
) -> None:
    response = client.post("/predict", json=body)
    assert (response.status_code, response.json()) == (400, {"error": message})
