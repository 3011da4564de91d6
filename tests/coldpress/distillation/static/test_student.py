"""A static student: its vocabulary, first vectors and n-grams, and its file after every method."""

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
from coldpress.distillation import Static
from coldpress.distillation.method import DistillationContext
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.static.student import build_student
from coldpress.distillation.transfer import soft_target_data
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
from coldpress.training.data import TrainingData, labelled_data
from coldpress.training.loop import reseed
from tests.support.method_sections import QUANTIZATION, name_of
from tests.support.wordpiece import with_word_pieces

SMALL = Static(method="static", width=8, neurons=12, ngram_rows=50, epochs=1, batch_size=6)


@pytest.fixture
def teacher(tiny: Classifier) -> Classifier:
    return with_word_pieces(tiny)


def data_of(teacher: Classifier, texts: tuple[str, ...]) -> TrainingData:
    rows = Split(tuple(texts), texts, None, tuple(n % 3 for n in range(len(texts))))
    return labelled_data(teacher, rows, rows.take([0]))


def test_the_student_has_only_the_tokens_of_its_texts(teacher: Classifier) -> None:
    student = build_student(teacher, SMALL, data_of(teacher, ("cold oil", "oil press")))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokens = student.tokenizer.get_vocab()
    assert sorted(tokens, key=tokens.__getitem__) == [*special, "cold", "press", "oil"]
    assert student.tokenizer.encode("cold slow").tokens == ["[CLS]", "cold", "[UNK]", "[SEP]"]
    assert student.token_table.weight.shape == (7 + 50, 8)


def test_words_of_validation_texts_alone_are_not_in_the_vocabulary(teacher: Classifier) -> None:
    """They are as new to the student as those of the test split, which selection cannot see."""
    rows = Split(("a", "b"), ("cold oil", "oil press"), None, (0, 1))
    data = labelled_data(teacher, rows.take([0]), rows.take([1]))
    student = SMALL.distill(teacher, DistillationContext(data, rows.take([0])))
    tokens = student.tokenizer.get_vocab()
    assert "cold" in tokens
    assert "press" not in tokens


def test_tokens_start_with_vectors_that_frequent_ones_have_less_of(teacher: Classifier) -> None:
    """[CLS], [SEP] and oil are 6 of 8 tokens: 0.001 / (0.001 + p) of a vector remains."""
    student = build_student(teacher, SMALL, data_of(teacher, ("cold oil", "oil press")))
    rows = student.token_table.weight.detach()
    assert not rows[7:].any()
    # A row that no text has, [UNK], keeps its length; the others become shorter.
    lengths = rows[:7].norm(dim=1)
    assert lengths[1] > 20 * lengths[4:].max()
    assert 0 < lengths[6] < lengths[4:6].min()


def test_without_ngrams_the_table_has_no_rows_for_them(teacher: Classifier) -> None:
    data = data_of(teacher, ("cold oil", "oil press"))
    student = build_student(teacher, SMALL.model_copy(update={"longest_ngram": 1}), data)
    assert student.token_table.weight.shape == (7, 8)


@pytest.mark.parametrize(("longest", "tells_order"), [(1, False), (2, True)])
def test_ngrams_tell_the_order_of_words(
    longest: int, tells_order: bool, teacher: Classifier
) -> None:
    method = SMALL.model_copy(
        update={"longest_ngram": longest, "epochs": 40, "learning_rate": 0.05, "alpha": 0.0}
    )
    split = Split(("a", "b"), ("cold oil press", "press oil cold"), None, (0, 1))
    reseed(0, "distill_student")
    targets = compute_soft_targets(teacher, split)
    data = soft_target_data(teacher, method, targets, split, split)
    student = method.distill(teacher, DistillationContext(data, split))
    labels = student.logits(encode(student.tokenizer, split)).argmax(dim=1)
    assert (labels.tolist() == [0, 1]) == tells_order


STUDENT_QUANTIZATION: list[Mapping[str, Any]] = [
    {**section, "hidden_states": 0.0} if section["method"] == "qat" else section
    for section in QUANTIZATION
    if section["method"] != "binary"  # which the recipe refuses
]


@pytest.fixture
def student(teacher: Classifier, split: Split) -> Classifier:
    reseed(0, "distill_student")
    source = labelled_data(teacher, split, split)
    return SMALL.distill(teacher, DistillationContext(source, split))


def quantize(student: Classifier, section: Mapping[str, Any], rows: Split) -> Classifier:
    method: Quantization = TypeAdapter(QuantizationMethod).validate_python(section)
    return method.quantize(student, QuantizationContext(labelled_data(student, rows, rows)))


def export_quantized(quantized: Classifier, folder: Path) -> tuple[Checkpoint, Path]:
    """Return the checkpoint and the folder of the file."""
    manifest = describe_model(Manifest(stage="quantize"), quantized)
    with new_checkpoint(folder / "model", manifest) as directory:
        save_quantized(quantized, directory)
    checkpoint = Checkpoint.open(folder / "model")
    with new_checkpoint(folder / "onnx", Manifest(stage="export_onnx")) as directory:
        export(checkpoint, directory, 17, {})
    return checkpoint, folder / "onnx"


@pytest.mark.parametrize("section", STUDENT_QUANTIZATION, ids=name_of)
def test_a_student_is_quantized_and_exported(
    section: Mapping[str, Any], student: Classifier, split: Split, tmp_path: Path
) -> None:
    checkpoint, folder = export_quantized(quantize(student, section, split), tmp_path)
    rows = encode(student.tokenizer, split)
    parity = check_parity(checkpoint, folder / "model.onnx", rows)
    assert (parity.rows, parity.label_agreement) == (12, 1.0)


def test_the_file_sums_integers_in_28_nodes_and_reads_an_empty_text(
    student: Classifier, split: Split, tmp_path: Path
) -> None:
    """With pairs and triples: 12 for the rows, 5 for the mask, 4 for the sum, 7 for the head."""
    quantized = quantize(student, {"method": "static-int8"}, split)
    _, folder = export_quantized(quantized, tmp_path)
    operators = [node.op_type for node in onnx.load(folder / "model.onnx").graph.node]
    assert len(operators) == 28
    assert operators.count("MatMulInteger") == 1
    logits = quantized.logits(encode(student.tokenizer, Split(("a",), ("",), None, ())))
    scores = Predictor(folder).predict([""])[0]["scores"]
    assert list(scores.values()) == pytest.approx(torch.softmax(logits, 1)[0].tolist(), abs=1e-6)


@pytest.mark.parametrize("section", [{"method": "static-int8"}, {"method": "k-bit", "bits": 4}])
def test_the_rows_of_the_table_are_read_from_the_file(
    section: Mapping[str, Any], student: Classifier, split: Split, tmp_path: Path
) -> None:
    quantized = quantize(student, section, split)
    _, folder = export_quantized(quantized, tmp_path)
    table = quantized.encoder.get_submodule("embeddings.rows")
    expected = table(torch.arange(student.token_table.num_embeddings)).numpy()
    np.testing.assert_array_equal(read_token_embeddings(folder / "model.onnx"), expected)
