"""The predictor that is copied beside exported models, and its independence of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from tokenizers import Tokenizer

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx import predictor
from coldpress.onnx.predictor import Predictor, softmax

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

TEXTS = ("cold press", "olive", "slow warm fast stone oil")
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "coldpress"}:
            raise ImportError(f"{name} is blocked in this test")

sys.meta_path.insert(0, Blocked())
"""
PREDICT = """
import json
from predictor import Predictor
print(json.dumps(Predictor(sys.argv[1]).predict(sys.argv[2:])))
"""
PYFUNC = """
import json
import mlflow.pyfunc
folder, model, *texts = sys.argv[1:]
mlflow.pyfunc.save_model(
    model,
    loader_module="predictor",
    data_path=folder,
    code_paths=["predictor.py"],
    pip_requirements=["onnxruntime"],
)
loaded = mlflow.pyfunc.load_model(model)
print(json.dumps(loaded.predict({"text": texts})))
"""


@pytest.fixture
def directory(tiny: Classifier, store: Store, exported: Export) -> Path:
    return exported(store(tiny, "tiny"))


def test_a_text_gets_the_label_and_probabilities_that_torch_gives(
    tiny: Classifier, directory: Path
) -> None:
    split = Split(("0", "1", "2"), TEXTS, None, ())
    expected = tiny.logits(encode(tiny.tokenizer, split)).double().softmax(-1).numpy()
    records = Predictor(directory).predict(TEXTS)
    for record, text, scores in zip(records, TEXTS, expected, strict=True):
        assert record["text"] == text
        assert record["label"] == tiny.labels[scores.argmax()]
        assert record["score"] == max(record["scores"].values())
        assert list(record["scores"]) == ["calm", "fast", "warm"]
        assert np.allclose(list(record["scores"].values()), scores, atol=1e-6)


def test_with_independent_labels_each_is_compared_with_its_threshold(
    tiny: Classifier, store: Store, exported: Export
) -> None:
    checkpoint = store(tiny, "tiny")
    half = Predictor(exported(checkpoint, activation="sigmoid")).predict(["cold press"])[0]
    logits = Predictor(exported(store(tiny, "other"))).predict(["cold press"])[0]["scores"]
    assert half.keys() == {"text", "labels", "scores"}
    assert half["labels"] == [name for name, score in half["scores"].items() if score >= 0.5]
    # Odds of sigmoids have the ratio of the probabilities of a softmax.
    odds = {name: score / (1 - score) for name, score in half["scores"].items()}
    assert odds["calm"] / odds["fast"] == pytest.approx(logits["calm"] / logits["fast"], rel=1e-4)
    thresholds = json.dumps([0.0, 1.0, half["scores"]["warm"]])
    file = exported(store(tiny, "third"), activation="sigmoid", thresholds=thresholds)
    assert Predictor(file).predict(["cold press"])[0]["labels"] == ["calm", "warm"]


def test_a_sigmoid_of_large_logits_is_0_or_1() -> None:
    logits = np.array([[-1000.0, 0.0, 1000.0]])
    assert predictor.sigmoid(logits).tolist() == [[0.0, 0.5, 1.0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_many_texts_are_answered_in_their_order_and_each_as_if_alone(
    directory: Path, threads: int
) -> None:
    texts = [TEXTS[i % 3] for i in range(100)]
    records = Predictor(directory, threads).predict(texts)
    alone = [Predictor(directory).predict([text])[0] for text in TEXTS]
    assert records == [alone[i % 3] for i in range(100)]
    assert Predictor(directory, threads).predict([]) == []


def test_a_pair_is_read_as_two_segments(tiny: Classifier, directory: Path) -> None:
    split = Split(("0",), ("cold",), ("warm stone",), ())
    expected = tiny.logits(encode(tiny.tokenizer, split)).softmax(-1)[0].tolist()
    (record,) = Predictor(directory).predict(["cold"], ["warm stone"])
    assert list(record["scores"].values()) == pytest.approx(expected, abs=1e-6)


def test_the_rows_of_a_padded_batch_have_the_logits_of_each_row_alone(
    tiny: Classifier, rows: EncodedSplit, directory: Path
) -> None:
    model = Predictor(directory)
    batch, first = rows.batch([0, 4]), rows.batch([0])
    assert batch.attention_mask[0].sum() < batch.input_ids.shape[1]
    logits = model.logits(batch.input_ids, batch.attention_mask, batch.token_type_ids)
    alone = model.logits(first.input_ids, first.attention_mask, first.token_type_ids)
    assert logits[0].tolist() == alone[0].tolist()
    assert np.allclose(logits, tiny.logits(rows)[[0, 4]].numpy(), atol=1e-5)


def test_a_temperature_flattens_the_probabilities_and_not_the_logits(
    tiny: Classifier, store: Store, exported: Export, directory: Path
) -> None:
    warm = Predictor(exported(store(tiny, "warm"), temperature="2.0"))
    (cold_scores,), (warm_scores,) = (p.predict(["cold"]) for p in (Predictor(directory), warm))
    logits = np.log(list(cold_scores["scores"].values()))
    assert list(warm_scores["scores"].values()) == pytest.approx(softmax(logits / 2).tolist())


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_with_a_changed_byte_is_refused(name: str, directory: Path) -> None:
    """Most bytes of a graph are weights: it would load and give other predictions."""
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(content)
    (directory / "SHA256SUMS").touch()  # what `coldpress pull` adds
    with pytest.raises(ValueError, match=rf"{name} is not the file that was written$"):
        Predictor(directory)
    with pytest.raises(ValueError, match=rf"{name} is not the file that was written$"):
        predictor._load_pyfunc(str(directory))


def test_a_pulled_folder_with_unchanged_files_predicts(directory: Path) -> None:
    records = Predictor(directory).predict(["olive oil"])
    (directory / "SHA256SUMS").touch()
    assert Predictor(directory).predict(["olive oil"]) == records


def test_models_with_equal_tokenizers_share_one(directory: Path) -> None:
    """Parsing it again would stop a service that takes over a new version."""

    def parse(overlap: bool) -> Tokenizer:
        return predictor._parse_tokenizer((directory / "tokenizer.json").read_bytes(), overlap)

    def stride(tokenizer: Tokenizer) -> int:
        return int((tokenizer.truncation or {})["stride"])

    shared = parse(overlap=False)
    assert parse(overlap=False) is shared
    assert stride(shared) == 0
    assert stride(parse(overlap=True)) > 0
    assert stride(shared) == 0


def test_softmax_of_three_logits() -> None:
    logits = np.log(np.array([[1.0, 2.0, 5.0]])) + 1000.0
    assert softmax(logits).tolist() == [pytest.approx([0.125, 0.25, 0.625])]


@pytest.mark.parametrize(
    "rows",
    [
        list(TEXTS),
        [{"text": text} for text in TEXTS],
        {"text": list(TEXTS)},
        {"text": np.array(TEXTS)},
        pd.DataFrame({"text": TEXTS}),
    ],
    ids=["texts", "records", "mapping", "array", "frame"],
)
def test_mlflow_may_pass_rows_in_any_of_its_formats(rows: object, directory: Path) -> None:
    assert predictor._load_pyfunc(str(directory)).predict(rows) == Predictor(directory).predict(
        TEXTS
    )


def test_mlflow_may_pass_pairs(directory: Path) -> None:
    frame = pd.DataFrame({"text": ["cold", "oil"], "text_pair": ["warm", "fast"]})
    expected = Predictor(directory).predict(["cold", "oil"], ["warm", "fast"])
    assert predictor._load_pyfunc(str(directory)).predict(frame) == expected


SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("texts", "pairs", "message"),
    [
        ("cold", None, "text must be a list of texts, not a single text"),
        (["cold", None], None, "text[1] is null"),
        (["cold", float("nan")], None, "text[1] is null"),
        ([3], None, "text[0] is int, not text"),
        ([["cold"]], None, "text[0] is list, not text"),
        (["cold", SURROGATE], None, "text[1] contains a lone surrogate"),
        (["cold"], [None], "text_pair[0] is null"),
        (["cold", "oil"], ["warm"], "text has 2 rows, but text_pair has 1"),
    ],
)
def test_a_value_that_is_not_a_text_is_named_by_column_and_row(
    texts: Sequence[str], pairs: Sequence[str] | None, message: str, directory: Path
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Predictor(directory).predict(texts, pairs)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "cold"}, {"text_pair": "oil"}], "text[1] is null"),
        ([{"txt": "cold"}], "no column named text"),
        ([{"text": "cold"}, "oil"], "the rows are neither all texts nor all records"),
        (pd.DataFrame({"txt": ["cold"]}), "no column named text"),
    ],
    ids=["missing", "misspelt", "mixed", "frame"],
)
def test_invalid_rows_give_mlflow_a_bad_request(
    rows: object, message: str, directory: Path
) -> None:
    with pytest.raises(MlflowException) as info:
        predictor._load_pyfunc(str(directory)).predict(rows)
    error: Any = info.value
    assert error.get_http_status_code() == 400
    # MLflow's server prepends the whole request to the message: it must not be sent back.
    error.message = f"Failed to predict data '...'. \nError: {error.message}"
    assert json.loads(error.serialize_as_json()) == {
        "error_code": "BAD_REQUEST",
        "message": message,
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "no texts"),
        (["cold"] * 513, "513 texts; a request may have 512"),
        (
            ["cold", "c" * 100_001],
            "text[1] has more than 100000 characters",
        ),
    ],
)
def test_limits_apply_only_to_requests_to_a_server(
    texts: list[str], message: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = predictor._load_pyfunc(str(directory))
    assert len(model.predict({"text": texts})) == len(texts)
    monkeypatch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")
    with pytest.raises(MlflowException, match=f"^{re.escape(message)}$"):
        model.predict({"text": texts})
    assert len(model.predict({"text": ["c" * 100_000] * 2})) == 2
    assert len(model.predict({"text": ["cold"] * 512})) == 512


def run_isolated(script: str, folder: Path, *arguments: str) -> object:
    """Run a script beside a copy of the predictor, in a process that cannot import the project."""
    home = folder / "home"
    home.mkdir(parents=True)
    shutil.copyfile(predictor.__file__, folder / "predictor.py")
    silent = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in silent}
    own = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "HOME": str(home)}
    command = [sys.executable, "-c", BLOCK + script, *arguments]
    output = subprocess.run(
        command, cwd=folder, check=True, env={**environment, **own}, capture_output=True
    )
    assert list(home.rglob("*Microsoft*")) == []  # the telemetry of ONNX Runtime
    return json.loads(output.stdout.splitlines()[-1])


def test_a_copy_predicts_without_torch_transformers_and_the_project(
    directory: Path, tmp_path: Path
) -> None:
    records = run_isolated(PREDICT, tmp_path / "alone", str(directory), *TEXTS)
    assert records == Predictor(directory).predict(TEXTS)


def test_a_copy_serves_as_a_pyfunc_without_them(directory: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    records = run_isolated(PYFUNC, folder, str(directory), str(folder / "model"), *TEXTS)
    assert records == Predictor(directory).predict(TEXTS)
    assert not list(folder.rglob("*.pkl"))


def test_only_a_ranking_model_sorts_documents(directory: Path) -> None:
    with pytest.raises(ValueError, match="of kind text-classification; ranking needs kind ranking"):
        Predictor(directory).rank("press", ["cold press", "olive"])
