"""Contents of an exported file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.quantization import DynamicInt8
from tests.support.training_contexts import label_context

Make = Callable[[str], Classifier]
Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
EXPORT = """
import sys
from pathlib import Path
from coldpress.model.checkpoint import Checkpoint
from coldpress.onnx.export import export
export(Checkpoint.open(Path(sys.argv[1])), Path(sys.argv[2]), 17, {"recipe": "it"})
"""


@pytest.fixture
def checkpoint(tiny: Classifier, rows: EncodedSplit, store: Store) -> Checkpoint:
    return store(DYNAMIC.quantize(tiny, label_context(rows)), "quantized")


@pytest.mark.integration
def test_equal_checkpoints_give_equal_bytes_in_any_process(
    checkpoint: Checkpoint, exported: Export, tmp_path: Path
) -> None:
    first = exported(checkpoint, recipe="it")
    second = tmp_path / "second"
    second.mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", EXPORT, str(checkpoint.path), str(second)]
    subprocess.run(command, check=True, env=environment)
    for name in ("model.onnx", "tokenizer.json"):
        digests = {hashlib.sha256((at / name).read_bytes()).hexdigest() for at in (first, second)}
        assert len(digests) == 1, name


def test_the_file_has_metadata_inputs_and_outputs(checkpoint: Checkpoint, exported: Export) -> None:
    path = exported(checkpoint, recipe="trec", source=checkpoint.digest)
    session = onnxruntime.InferenceSession(path / "model.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata.pop("source") == checkpoint.digest
    assert json.loads(metadata.pop("labels")) == ["calm", "fast", "warm"]
    assert metadata == {"recipe": "trec", "temperature": "1.0"}
    inputs = {value.name: value.shape for value in session.get_inputs()}
    assert list(inputs) == ["input_ids", "attention_mask", "token_type_ids"]
    assert list(inputs.values()) == [["batch", "sequence"]] * 3
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("logits", ["batch", 3])]
    tokenizer = (checkpoint.path / "tokenizer.json").read_bytes()
    assert (path / "tokenizer.json").read_bytes() == tokenizer


def test_a_temperature_that_was_fitted_is_kept(checkpoint: Checkpoint, exported: Export) -> None:
    path = exported(checkpoint, temperature="1.5")
    properties = onnx.load(path / "model.onnx").metadata_props
    assert {p.key: p.value for p in properties}["temperature"] == "1.5"


def test_tables_and_weights_stay_integers_in_the_file(
    checkpoint: Checkpoint, exported: Export
) -> None:
    constants = onnx.load(exported(checkpoint) / "model.onnx").graph.initializer
    kinds = {c.name: c.data_type for c in constants if c.name.endswith(".weight")}
    floats = {name for name, kind in kinds.items() if kind != TensorProto.INT8}
    assert {name.rsplit(".", 2)[1] for name in floats} == {"LayerNorm"}
    assert kinds["bert.embeddings.word_embeddings.weight"] == TensorProto.INT8


def test_only_the_first_token_is_computed_after_the_last_attention(
    checkpoint: Checkpoint, exported: Export
) -> None:
    model = onnx.load(exported(checkpoint) / "model.onnx")
    activations = [node.output[0] for node in model.graph.node if node.op_type == "Gelu"]
    kinds = [helper.make_tensor_value_info(a, TensorProto.FLOAT, None) for a in activations]
    model.graph.output.extend(kinds)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    ids = np.ones((2, 5), dtype=np.int64)
    feeds = {value.name: ids for value in session.get_inputs()}
    assert [a.shape for a in session.run(activations, feeds)] == [(2, 5, 32), (2, 1, 32)]


@pytest.mark.parametrize("opset", [17, 18, 19, 20])
def test_each_opset_of_the_recipe_runs(opset: int, checkpoint: Checkpoint, tmp_path: Path) -> None:
    export(checkpoint, tmp_path, opset, {})
    (versions,) = [v for v in onnx.load(tmp_path / "model.onnx").opset_import if not v.domain]
    assert versions.version == opset
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    ids = np.ones((1, 3), dtype=np.int64)
    (logits,) = session.run(None, {value.name: ids for value in session.get_inputs()})
    assert logits.shape == (1, 3)


def test_a_model_without_segments_has_no_such_input(
    random_classifier: Make, store: Store, exported: Export
) -> None:
    path = exported(store(random_classifier("distilbert"), "distilled"))
    session = onnxruntime.InferenceSession(path / "model.onnx")
    assert [value.name for value in session.get_inputs()] == ["input_ids", "attention_mask"]


def test_an_activation_without_an_operator_is_refused(
    tiny: Classifier, store: Store, exported: Export
) -> None:
    tiny.config.hidden_act = "mish"
    with pytest.raises(InputError, match="activation 'mish' is not one of: gelu"):
        exported(store(tiny, "odd"))
