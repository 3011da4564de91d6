"""Contract of task kinds: every method works for every kind, on tiny models of three families."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split, Target
from coldpress.data.words import split_words
from coldpress.distillation import DistillationMethod
from coldpress.distillation.method import Distillation, DistillationContext
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.evaluation.statistics.comparison import compare_outputs, score_bounds
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION
from coldpress.kinds.kind import Outputs, TargetArray, TaskKind
from coldpress.kinds.vectors import learns_vectors
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, score
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
from coldpress.schema.section import Optimization
from coldpress.training.data import labelled_data
from coldpress.training.loop import fit, reseed
from tests.support.method_names import method_names
from tests.support.method_sections import (
    DISTILLATION,
    PLAN,
    PRUNING,
    QUANTIZATION,
    WITHOUT_LAYERS,
    name_of,
)
from tests.support.wordpiece import with_word_pieces

TARGETS: Mapping[str, tuple[Target, ...]] = {
    "text-classification": tuple(n % 3 for n in range(12)),
    "regression": tuple(n % 3 + n / 100 for n in range(12)),
    "multi-label": tuple((int(n % 2 == 0), int(n % 3 == 0)) for n in range(12)),
    "ranking": tuple((n // 3, n % 3) for n in range(12)),
    # Row n has 1 + n % 5 words; B and I alternate.
    "token-classification": tuple((0, 1, 2, 1, 2)[: 1 + n % 5] for n in range(12)),
}
NAMES = {
    "text-classification": ("calm", "fast", "warm"),
    "regression": ("score",),
    "multi-label": ("even", "third"),
    "ranking": ("score",),
    "token-classification": ("O", "B-x", "I-x"),
}
ANSWERS = {
    "regression": {"text", "score"},
    "multi-label": {"text", "labels", "scores"},
    "ranking": {"text", "score"},
    "token-classification": {"text", "entities"},
}
FAMILIES = ("bert", "eurobert", "modernbert")


WITH_TARGETS = {name for name, kind in KINDS.items() if not learns_vectors(kind)}
"""Kinds that learn vectors have a contract test of their own."""


@pytest.fixture(params=sorted(WITH_TARGETS - {TEXT_CLASSIFICATION.name}))
def kind(request: pytest.FixtureRequest) -> TaskKind:
    """Every kind but text classification, which the contract tests of the methods use."""
    return KINDS[request.param]


@pytest.fixture(params=FAMILIES)
def teacher(
    request: pytest.FixtureRequest, kind: TaskKind, random_classifier: Callable[..., Classifier]
) -> Classifier:
    names = NAMES[kind.name]
    classifier = random_classifier(request.param, kind, num_labels=len(names))
    return with_word_pieces(Classifier(classifier.module, classifier.tokenizer, names, kind))


@pytest.fixture
def rows(kind: TaskKind, split: Split) -> Split:
    words = tuple(map(split_words, split.texts)) if kind.head == "tokens" else None
    return Split(split.ids, split.texts, None, TARGETS[kind.name], words=words)


def test_every_kind_is_tested() -> None:
    assert set(TARGETS) == set(NAMES) == WITH_TARGETS


@pytest.mark.parametrize(
    ("union", "sections"),
    [
        (DistillationMethod, DISTILLATION),
        (PruningStep, PRUNING),
        (QuantizationMethod, QUANTIZATION),
    ],
    ids=["distillation", "pruning", "quantization"],
)
def test_every_method_is_tested(union: object, sections: list[dict[str, Any]]) -> None:
    assert {name_of(section) for section in sections} == method_names(union)


def test_training_learns_the_targets(teacher: Classifier, rows: Split) -> None:
    reseed(0, "train_teacher")
    data = labelled_data(teacher, rows, rows)
    before = score(teacher, data.validation)
    plan = Optimization(epochs=40, learning_rate=5e-3, batch_size=6)
    epochs = fit(teacher, data.train, data.loss, plan, data.validation)
    assert score(teacher, data.validation) == max(e.validation_score for e in epochs) > before


@pytest.mark.parametrize("section", DISTILLATION, ids=name_of)
def test_a_student_is_distilled(
    section: dict[str, Any], kind: TaskKind, teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    if section["method"] in WITHOUT_LAYERS and kind.head != "text":
        pytest.skip("refused by the recipe")
    method: Distillation = TypeAdapter(DistillationMethod).validate_python(section)
    reseed(0, "distill_student")
    data = soft_target_data(teacher, method, compute_soft_targets(teacher, rows), rows, rows)
    student = method.distill(teacher, DistillationContext(data, rows))
    assert (student.kind, student.labels) == (teacher.kind, teacher.labels)
    write_checkpoint(student, tmp_path / "model", Manifest(stage="distill_student"))
    assert_exported(student, encode(student.tokenizer, rows), tmp_path)


@pytest.mark.parametrize("section", PRUNING, ids=name_of)
def test_a_model_is_pruned(
    section: dict[str, Any], teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    method: PruningMethod = TypeAdapter(PruningStep).validate_python(section)
    reseed(0, "prune")
    context = PruningContext(labelled_data(teacher, rows, rows), PLAN, rows.texts)
    result = run_steps([method], teacher, context)
    metric = teacher.kind.metrics[0].name
    pruned = score(result.classifier, context.data.validation)
    assert result.metrics()[f"validation_{metric}"] == pytest.approx(pruned)
    write_checkpoint(result.classifier, tmp_path / "model", Manifest(stage="prune"))
    assert_exported(result.classifier, context.data.validation, tmp_path)


@pytest.mark.parametrize("section", QUANTIZATION, ids=name_of)
def test_a_model_is_quantized(
    section: dict[str, Any], teacher: Classifier, rows: Split, tmp_path: Path
) -> None:
    method: Quantization = TypeAdapter(QuantizationMethod).validate_python(section)
    reseed(0, "quantize")
    data = labelled_data(teacher, rows, rows)
    quantized = method.quantize(teacher, QuantizationContext(data))
    manifest = describe_model(Manifest(stage="quantize"), teacher)
    with new_checkpoint(tmp_path / "model", manifest) as directory:
        save_quantized(quantized, directory)
    assert load_any_precision(Checkpoint.open(tmp_path / "model")).kind == teacher.kind
    assert_exported(quantized, data.validation, tmp_path)


def assert_exported(model: Classifier, rows: EncodedSplit, directory: Path) -> None:
    """The file passes the parity check, and the predictor knows kind and outputs."""
    checkpoint = Checkpoint.open(directory / "model")
    exported = describe_model(Manifest(stage="export_onnx"), model)
    with new_checkpoint(directory / "onnx", exported) as target:
        export(checkpoint, target, 17, {})
    check_parity(checkpoint, directory / "onnx" / "model.onnx", rows)
    predictor = Predictor(directory / "onnx")
    assert (predictor.kind, predictor.labels) == (model.kind.name, model.labels)
    assert set(predictor.predict(["cold oil"])[0]) == ANSWERS[model.kind.name]


def test_a_checkpoint_is_loaded_with_its_kind(teacher: Classifier, tmp_path: Path) -> None:
    write_checkpoint(teacher, tmp_path / "teacher", Manifest(stage="train_teacher"))
    loaded = load_classifier(Checkpoint.open(tmp_path / "teacher"))
    assert (loaded.kind, loaded.labels) == (teacher.kind, teacher.labels)
    assert loaded.config.problem_type == teacher.kind.problem_types[0]


def perfect_outputs(kind: TaskKind) -> tuple[Outputs, TargetArray]:
    """Targets of 40 samples, and the outputs of a model that predicts them."""
    random = np.random.default_rng(0)
    if kind.name == "multi-label":
        targets = random.integers(0, 2, size=(40, 2))
        return (targets - 0.5).astype(np.float32), targets
    if kind.name == "ranking":
        relevance = np.tile([0.0, 1.0], 40)
        targets = np.stack([np.repeat(np.arange(40.0), 2), relevance], axis=1)
        return relevance[:, None].astype(np.float32), targets
    if kind.name == "token-classification":  # texts of one word
        tags = random.integers(0, 2, size=40)
        return np.eye(3, dtype=np.float32)[tags], np.stack([tags, np.arange(40)], axis=1)
    numbers = random.permutation(np.linspace(0.0, 1.0, 40))
    return numbers[:, None].astype(np.float32), numbers


def test_a_model_equals_itself_and_beats_a_worse_one(kind: TaskKind) -> None:
    """40 samples: the first model predicts the targets, the second their mirror image.

    Equality is only as certain as the samples are many: z^2 / (40 + z^2) = 0.0876 with z = 1.96.
    """
    perfect, targets = perfect_outputs(kind)
    random = np.random.default_rng(1)
    same = compare_outputs(("a", "b"), kind, perfect, perfect, targets)
    assert same.n == 40
    assert same.difference.estimate == 0
    assert same.difference.high == -same.difference.low == pytest.approx(0.0876, abs=1e-4)
    other = compare_outputs(("a", "b"), kind, perfect, -perfect, targets)
    assert other.difference.low > 0
    bounds = score_bounds(kind, perfect + random.normal(0, 0.3, perfect.shape), targets)
    assert bounds is not None
    assert bounds.low < kind.main_score(perfect, targets)


def test_outputs_are_finite_on_every_row(teacher: Classifier, rows: Split) -> None:
    outputs = teacher.logits(encode(teacher.tokenizer, rows))
    assert outputs.shape == (len(rows.target_array), len(teacher.labels))
    assert bool(torch.isfinite(outputs).all())
