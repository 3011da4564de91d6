"""Contract of sentence embeddings: every method works, on tiny models of three families.

Two have the mean of their tokens, one its first token and a linear layer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation import DistillationMethod
from coldpress.distillation.method import Distillation, DistillationContext
from coldpress.distillation.soft_targets import SoftTargets, compute_soft_targets
from coldpress.distillation.transfer import shorten_teacher, soft_target_data
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, score
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import POOLINGS, Dense, SentenceHead, write_head
from coldpress.model.serialization import describe_model, load_classifier, write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.pruning import PruningStep
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.pipeline import run_steps
from coldpress.quantization import QuantizationMethod
from coldpress.quantization.core.storage import load_any_precision, save_quantized
from coldpress.quantization.method import Quantization, QuantizationContext
from coldpress.training.data import TrainingData
from coldpress.training.loop import reseed
from tests.coldpress.conftest import OWN_SIZES, SIZES
from tests.support.method_sections import (
    DISTILLATION,
    PLAN,
    PRUNING,
    QUANTIZATION,
    WITHOUT_LAYERS,
    name_of,
)
from tests.support.wordpiece import with_word_pieces

HEADS = {
    "bert": SentenceHead("mean", None, True),
    "eurobert": SentenceHead("mean", None, True),
    "modernbert": SentenceHead("cls", Dense(12, True, "tanh"), False),
}
KIND = task_kind("sentence-embedding")
Build = Callable[[str, SentenceHead], Classifier]


@pytest.fixture
def build(tokenizer: Tokenizer) -> Build:
    """Build a model of a family with 3 layers, a width of 16, and a head."""

    def make(family: str, head: SentenceHead) -> Classifier:
        torch.manual_seed(0)
        sizes = {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0}
        config = AutoConfig.for_model(family, **sizes, **OWN_SIZES.get(family, SIZES))
        write_head(config, head)
        module = new_module(KIND, config).eval()
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.5)
        return with_word_pieces(Classifier(module, tokenizer, ("vector",), KIND))

    return make


@pytest.fixture(params=sorted(HEADS))
def teacher(request: pytest.FixtureRequest, build: Build) -> Classifier:
    return build(request.param, HEADS[request.param])


# The recipe refuses a student without layers.
WITH_LAYERS = [section for section in DISTILLATION if section["method"] not in WITHOUT_LAYERS]


@pytest.fixture
def rows(split: Split) -> Split:
    return Split(split.ids, split.texts, None, ())


def training_data(teacher: Classifier, rows: Split, dimension: int | None = None) -> TrainingData:
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(
        {"method": "logits", "student": {"layers": 1, "dimension": dimension}}
    )
    return soft_target_data(teacher, method, compute_soft_targets(teacher, rows), rows, rows)


@pytest.mark.parametrize("section", WITH_LAYERS, ids=name_of)
def test_a_student_is_distilled(
    section: dict[str, Any], teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(section)
    reseed(0, "distill_student")
    data = soft_target_data(teacher, method, compute_soft_targets(teacher, rows), rows, rows)
    student = method.distill(teacher, DistillationContext(data, rows))
    assert (student.kind, student.output_size) == (teacher.kind, teacher.output_size)
    write_checkpoint(student, tmp_path / "model", Manifest(stage="distill_student"))
    assert_exported(student, encode(student.tokenizer, rows), tmp_path)


@pytest.mark.parametrize("section", PRUNING, ids=name_of)
def test_a_model_is_pruned(
    section: dict[str, Any], teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    method: PruningMethod = TypeAdapter(PruningStep).validate_python(section)
    reseed(0, "prune")
    context = PruningContext(training_data(teacher, rows), PLAN, rows.texts)
    result = run_steps([method], teacher, context)
    pruned = score(result.classifier, context.data.validation)
    assert result.metrics()["validation_cosine"] == pytest.approx(pruned)
    assert result.classifier.output_size == teacher.output_size
    write_checkpoint(result.classifier, tmp_path / "model", Manifest(stage="prune"))
    assert_exported(result.classifier, context.data.validation, tmp_path)


@pytest.mark.parametrize("section", QUANTIZATION, ids=name_of)
def test_a_model_is_quantized(
    section: dict[str, Any], teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    if section["method"] == "mixed":  # the distance of these random vectors is larger
        section = {**section, "max_divergence": 1.0}
    method: Quantization = TypeAdapter(QuantizationMethod).validate_python(section)
    reseed(0, "quantize")
    data = training_data(teacher, rows)
    quantized = method.quantize(teacher, QuantizationContext(data))
    manifest = describe_model(Manifest(stage="quantize"), teacher)
    with new_checkpoint(tmp_path / "model", manifest) as directory:
        save_quantized(quantized, directory)
    assert load_any_precision(Checkpoint.open(tmp_path / "model")).kind == teacher.kind
    assert_exported(quantized, data.validation, tmp_path)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_is_exported(pooling: Any, build: Build, rows: Split, tmp_path: Path) -> None:  # noqa: ANN401
    model = build("bert", SentenceHead(pooling, None, False))
    write_checkpoint(model, tmp_path / "model", Manifest(stage="train_teacher"))
    assert_exported(model, encode(model.tokenizer, rows), tmp_path)


@pytest.mark.parametrize(("width", "dimension"), [(8, None), (None, 5), (8, 5)])
def test_a_student_may_be_narrower_and_have_shorter_vectors(
    width: int | None, dimension: int | None, build: Build, rows: Split, tmp_path: Path
) -> None:
    teacher = build("bert", HEADS["bert"])
    shape = {"layers": 2, "width": width, "dimension": dimension}
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(
        {"method": "logits", "student": shape, "epochs": 30, "learning_rate": 1e-2}
    )
    targets = compute_soft_targets(teacher, rows)
    data = soft_target_data(teacher, method, targets, rows, rows)
    shortened = shorten_teacher(teacher, dimension, targets, rows)
    assert score(shortened, data.validation) == pytest.approx(1, abs=1e-3)
    student = method.distill(shortened, DistillationContext(data, rows))
    assert student.output_size == (dimension or 16)
    assert student.config.hidden_size == (width or 16)
    assert score(student, data.validation) > 0.8
    write_checkpoint(student, tmp_path / "model", Manifest(stage="distill_student"))
    assert_exported(student, data.validation, tmp_path)


def test_the_soft_targets_of_validation_texts_take_the_place_of_labels(
    build: Build, rows: Split
) -> None:
    teacher = build("bert", HEADS["bert"])
    vectors = compute_soft_targets(teacher, rows)
    held_out = rows.take([3, 1])
    swapped = SoftTargets(vectors.ids, vectors.logits.flip(0))
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(DISTILLATION[0])
    data = soft_target_data(teacher, method, swapped, rows, held_out)
    expected = vectors.logits.flip(0)[[3, 1]].float()
    assert np.array_equal(data.validation.targets, expected.numpy())
    assert len(data.train.targets) == 0


def assert_exported(model: Classifier, rows: EncodedSplit, directory: Path) -> None:
    """The file passes the parity check, and the predictor returns the model's vectors."""
    checkpoint = Checkpoint.open(directory / "model")
    exported = describe_model(Manifest(stage="export_onnx"), model)
    with new_checkpoint(directory / "onnx", exported) as target:
        export(checkpoint, target, 17, {})
    check_parity(checkpoint, directory / "onnx" / "model.onnx", rows)
    predictor = Predictor(directory / "onnx")
    assert (predictor.kind, predictor.output_size) == (model.kind.name, model.output_size)
    record = predictor.predict(["cold oil"])[0]
    assert record.keys() == {"text", "vector"}
    assert len(record["vector"]) == model.output_size


def test_a_checkpoint_is_loaded_with_its_head(
    teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    write_checkpoint(teacher, tmp_path / "teacher", Manifest(stage="train_teacher"))
    loaded = load_classifier(Checkpoint.open(tmp_path / "teacher"))
    encoded = encode(teacher.tokenizer, rows)
    assert torch.equal(loaded.logits(encoded), teacher.logits(encoded))
