"""Students without layers: their vocabulary, and their files after every quantization method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from pydantic import TypeAdapter

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation import Convolution, Static
from coldpress.distillation.method import DistillationContext
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import describe_model
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.quantization import QuantizationMethod
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.method import Quantization, QuantizationContext
from coldpress.training.data import labelled_data
from coldpress.training.loop import reseed
from tests.support.method_sections import QUANTIZATION, name_of
from tests.support.wordpiece import with_word_pieces

METHODS = [
    Static(method="static", width=8, neurons=12, ngram_rows=50, epochs=1, batch_size=6),
    Convolution(method="convolution", width=8, window=3, filters=12, epochs=1, batch_size=6),
    Convolution(method="convolution", width=7, window=1, filters=5, epochs=1, batch_size=6),
]
each_method = pytest.mark.parametrize(
    "method", METHODS, ids=["static", "convolution", "convolution of one token"]
)


@pytest.fixture
def teacher(tiny: Classifier) -> Classifier:
    return with_word_pieces(tiny)


@each_method
def test_words_of_validation_texts_alone_are_not_in_the_vocabulary(
    method: Static | Convolution, teacher: Classifier
) -> None:
    """They are as new to the student as those of the test split, which selection cannot see."""
    rows = Split(("a", "b"), ("cold oil", "oil press"), None, (0, 1))
    data = labelled_data(teacher, rows.take([0]), rows.take([1]))
    student = method.distill(teacher, DistillationContext(data, rows.take([0])))
    tokens = student.tokenizer.get_vocab()
    assert "cold" in tokens
    assert "press" not in tokens


STUDENT_QUANTIZATION: list[Mapping[str, Any]] = [
    {**section, "hidden_states": 0.0} if section["method"] == "qat" else section
    for section in QUANTIZATION
    if section["method"] != "binary"  # which the recipe refuses
]


@pytest.fixture
def student(method: Static | Convolution, teacher: Classifier, split: Split) -> Classifier:
    reseed(0, "distill_student")
    source = labelled_data(teacher, split, split)
    return method.distill(teacher, DistillationContext(source, split))


def quantize(student: Classifier, section: Mapping[str, Any], rows: Split) -> Classifier:
    method: Quantization = TypeAdapter(QuantizationMethod).validate_python(section)
    return method.quantize(student, QuantizationContext(labelled_data(student, rows, rows)))


def export_quantized(quantized: Classifier, folder: Path, opset: int = 17) -> Checkpoint:
    """Export to `folder / "onnx"`, and return the checkpoint."""
    manifest = describe_model(Manifest(stage="quantize"), quantized)
    with new_checkpoint(folder / "model", manifest) as directory:
        save_quantized(quantized, directory)
    checkpoint = Checkpoint.open(folder / "model")
    with new_checkpoint(folder / "onnx", Manifest(stage="export_onnx")) as directory:
        export(checkpoint, directory, opset, {})
    return checkpoint


@each_method
@pytest.mark.parametrize("section", STUDENT_QUANTIZATION, ids=name_of)
def test_a_student_is_quantized_and_exported(
    section: Mapping[str, Any], student: Classifier, split: Split, tmp_path: Path
) -> None:
    checkpoint = export_quantized(quantize(student, section, split), tmp_path)
    rows = encode(student.tokenizer, split)
    parity = check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", rows)
    assert (parity.rows, parity.label_agreement) == (12, 1.0)


@each_method
@pytest.mark.parametrize("opset", [17, 18])
def test_a_student_in_float32_is_exported_for_old_and_new_operators(
    opset: int, student: Classifier, split: Split, tmp_path: Path
) -> None:
    checkpoint = export_quantized(student, tmp_path, opset)
    rows = encode(student.tokenizer, split)
    assert check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", rows).label_agreement == 1.0


@pytest.mark.parametrize(
    ("method", "nodes", "sums"),
    [
        # With pairs and triples: 12 for the rows, 5 for the mask, 4 for the sum, 7 for the head.
        (METHODS[0], 28, 1),
        # 4 for the rows, 4 for the windows, 2 for the filters, 3 for the mask, 2 for the largest
        # values, 3 for the head.
        (METHODS[1], 18, 0),
    ],
    ids=["static", "convolution"],
)
def test_the_file_has_few_nodes_and_reads_an_empty_text(
    nodes: int, sums: int, student: Classifier, split: Split, tmp_path: Path
) -> None:
    """A static model adds up integers, as a product with the mask."""
    quantized = quantize(student, {"method": "static-int8"}, split)
    export_quantized(quantized, tmp_path)
    operators = [node.op_type for node in onnx.load(tmp_path / "onnx" / "model.onnx").graph.node]
    assert len(operators) == nodes
    assert operators.count("MatMulInteger") == sums
    logits = quantized.logits(encode(student.tokenizer, Split(("a",), ("",), None, ())))
    scores = Predictor(tmp_path / "onnx").predict([""])[0]["scores"]
    assert list(scores.values()) == pytest.approx(torch.softmax(logits, 1)[0].tolist(), abs=1e-6)


@each_method
@pytest.mark.parametrize("section", [{"method": "static-int8"}, {"method": "k-bit", "bits": 4}])
def test_the_rows_of_the_table_are_read_from_the_file(
    section: Mapping[str, Any], student: Classifier, split: Split, tmp_path: Path
) -> None:
    quantized = quantize(student, section, split)
    export_quantized(quantized, tmp_path)
    table = quantized.encoder.get_submodule("embeddings.rows")
    expected = table(torch.arange(student.token_table.num_embeddings)).numpy()
    rows = read_token_embeddings(tmp_path / "onnx" / "model.onnx")
    np.testing.assert_array_equal(rows, expected)
