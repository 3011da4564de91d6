"""Other runtimes load the folder of an exported model and return the predictor's scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoConfig, AutoTokenizer

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.portable_files import write_portable_files
from coldpress.onnx.predictor import Predictor, open_session, softmax
from coldpress.onnx.temperature import calibrate_temperature

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]
LONG = " ".join(["cold", "press", "olive", "oil"] * 6)


def read(directory: Path, name: str) -> Any:  # noqa: ANN401
    return json.loads((directory / name).read_text())


@pytest.mark.parametrize("pairs", ["false", "true"])
def test_tokenizer_and_graph_without_this_project_give_the_predictor_s_scores(
    pairs: str, tiny: Classifier, store: Store, exported: Export, rows: EncodedSplit
) -> None:
    """Inputs are passed by the names that the tokenizer gives them, as programs do."""
    directory = exported(store(tiny, "tiny"), pairs=pairs)
    assert calibrate_temperature(directory, rows).temperature > 1.5
    texts, second = ["cold press", LONG], ["oil", "slow"] if pairs == "true" else None
    tokenizer: Any = AutoTokenizer.from_pretrained(directory)
    config: Any = AutoConfig.from_pretrained(directory)
    session = open_session(directory / "model.onnx", threads=1)
    for row, record in enumerate(Predictor(directory).predict(texts, second)):
        pair = None if second is None else [second[row]]
        inputs = tokenizer([texts[row]], pair, truncation=True, return_tensors="np")
        (logits,) = session.run(["logits"], dict(inputs))
        scores = softmax(logits.astype(np.float64))[0]
        found = {config.id2label[i]: score for i, score in enumerate(scores.tolist())}
        assert found == pytest.approx(record["scores"], abs=1e-6)


def test_configurations_describe_model_labels_inputs_and_special_tokens(
    tiny: Classifier, store: Store, exported: Export
) -> None:
    tiny.tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    directory = exported(store(tiny, "tiny"), pairs="false")
    config = read(directory, "config.json")
    assert (config["model_type"], config["architectures"]) == (
        "bert",
        ["BertForSequenceClassification"],
    )
    assert config["id2label"] == {"0": "calm", "1": "fast", "2": "warm"}
    assert config["label2id"] == {"calm": 0, "fast": 1, "warm": 2}
    assert config["problem_type"] == "single_label_classification"
    special = {
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "mask_token": "[MASK]",
    }
    assert read(directory, "special_tokens_map.json") == special
    assert read(directory, "tokenizer_config.json") == {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 16,
        **special,
    }


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("text-classification", "single_label_classification"),
        ("multi-label", "multi_label_classification"),
        ("regression", "regression"),
        ("ranking", "regression"),
        ("token-classification", None),
    ],
)
def test_the_problem_type_says_which_function_a_runtime_applies(
    kind: str, problem: str | None, tiny: Classifier, tmp_path: Path
) -> None:
    write_portable_files(replace(tiny, kind=task_kind(kind)), ["input_ids"], tmp_path)
    assert read(tmp_path, "config.json")["problem_type"] == problem


def test_an_exported_model_stays_equal_whatever_its_checkpoint_was_called(
    tiny: Classifier, exported: Export, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_checkpoint(tiny, tmp_path / name, Manifest(stage="quantize"))
    one, two = (exported(Checkpoint.open(tmp_path / name)) for name in ("one", "two"))
    assert Checkpoint.open(one).digest == Checkpoint.open(two).digest
