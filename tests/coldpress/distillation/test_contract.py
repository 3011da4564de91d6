"""Contract of distillation methods, checked on a tiny random model of every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation import DistillationMethod
from coldpress.distillation.method import Distillation, DistillationContext
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, count_parameters
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.schema.section import Optimization
from coldpress.training.loop import Epoch, fit, reseed
from tests.support.method_names import method_names
from tests.support.wordpiece import with_word_pieces

Make = Callable[[str], Classifier]
QUICK = {"student": {"layers": 2}, "epochs": 1, "batch_size": 6, "learning_rate": 1e-3}
SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "logits": QUICK,
    "distilbert": QUICK,
    "hidden": {**QUICK, "layer_epochs": 1},
    "relations": {**QUICK, "relation_epochs": 1, "relation_heads": 4},
    "static": {"width": 8, "neurons": 12, "ngram_rows": 50, "epochs": 1, "batch_size": 6},
    "convolution": {"width": 8, "filters": 12, "epochs": 1, "batch_size": 6},
}
# As narrow as the method allows.
NARROW: Mapping[str, Mapping[str, int]] = {
    "logits": {"layers": 2, "width": 12, "heads": 2, "neurons": 10},
    "distilbert": {"layers": 2, "heads": 2, "neurons": 10},
    "hidden": {"layers": 2, "width": 12, "neurons": 10},
    "relations": {"layers": 2, "width": 12, "heads": 2, "neurons": 10},
}


def method(name: str, **changes: Any) -> Distillation:  # noqa: ANN401
    section: Distillation = TypeAdapter(DistillationMethod).validate_python(
        {"method": name, **SECTIONS[name], **changes}
    )
    return section


def run_distillation(teacher: Classifier, step: Distillation, split: Split) -> Classifier:
    reseed(0, "distill_student")
    # The last three rows are unlabelled.
    rows = Split(split.ids, split.texts, None, split.targets[:9])
    soft_targets = compute_soft_targets(teacher, rows)
    data = soft_target_data(teacher, step, soft_targets, rows, split)
    return step.distill(teacher, DistillationContext(data, rows))


def state(classifier: Classifier) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in classifier.module.state_dict().items()}


@pytest.fixture(params=sorted(ARCHITECTURES))
def family(request: pytest.FixtureRequest, random_classifier: Make) -> Classifier:
    return with_word_pieces(random_classifier(request.param))


def test_every_method_is_tested() -> None:
    assert method_names(DistillationMethod) == set(SECTIONS)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_student_of_every_family_is_the_same_again_and_is_exported(
    name: str, family: Classifier, split: Split, tmp_path: Path
) -> None:
    before = state(family)
    student = run_distillation(family, method(name), split)
    again = run_distillation(family, method(name), split)
    untouched = keep_layers(family, [0, 1]).logits(encode(family.tokenizer, split))
    rows = encode(student.tokenizer, split)
    assert all(torch.equal(value, before[key]) for key, value in state(family).items())
    assert torch.equal(student.logits(rows), again.logits(rows))
    assert not torch.equal(student.logits(rows), untouched)
    assert_exported(student, rows, tmp_path)


@pytest.mark.parametrize("name", sorted(NARROW))
def test_a_narrower_student_of_every_family_is_kept_and_exported(
    name: str, family: Classifier, split: Split, tmp_path: Path
) -> None:
    before = state(family)
    shape = NARROW[name]
    step = method(name, student=shape, freeze_embeddings=False)
    student = run_distillation(family, step, split)
    assert all(torch.equal(value, before[key]) for key, value in state(family).items())
    assert student.shapes == (LayerShape(heads=shape.get("heads", 4), neurons=10),) * 2
    assert student.config.hidden_size == shape.get("width", 16)
    assert count_parameters(student) < count_parameters(keep_layers(family, [0, 1]))
    assert_exported(student, encode(family.tokenizer, split), tmp_path)


def assert_exported(student: Classifier, rows: EncodedSplit, directory: Path) -> None:
    """The model is loaded unchanged, and ONNX Runtime predicts the same labels as torch."""
    write_checkpoint(student, directory / "student", Manifest(stage="distill_student"))
    opened = Checkpoint.open(directory / "student")
    assert torch.equal(load_classifier(opened).logits(rows), student.logits(rows))
    with new_checkpoint(directory / "onnx", Manifest(stage="export_onnx")) as target:
        export(opened, target, 17, {})
    assert check_parity(opened, directory / "onnx" / "model.onnx", rows).label_agreement == 1.0


@pytest.mark.parametrize(
    ("name", "curves"),
    [
        ("logits", {"": 2}),
        ("distilbert", {"": 2}),
        ("hidden", {"layers": 1, "prediction": 2}),
        ("relations", {"relations": 1, "prediction": 2}),
        ("static", {"": 2}),
        ("convolution", {"": 2}),
    ],
)
def test_every_phase_is_trained_and_reports_its_epochs(
    name: str, curves: dict[str, int], tiny: Classifier, split: Split
) -> None:
    step = method(name, epochs=2)
    teacher = with_word_pieces(tiny)
    data = soft_target_data(
        teacher, step, compute_soft_targets(teacher, split), split, split.take([0, 1])
    )
    epochs: dict[str, tuple[Epoch, ...]] = {}
    step.distill(teacher, DistillationContext(data, split, report_epochs=epochs.__setitem__))
    assert step.trains
    assert {phase: len(curve) for phase, curve in epochs.items()} == curves


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_pruned_student_is_retrained_with_the_loss_of_the_logits(
    name: str, tiny: Classifier, split: Split
) -> None:
    step = method(name)
    pruned = keep_heads(tiny, [[0, 1, 2], [3]])
    targets = compute_soft_targets(tiny, split)
    data = soft_target_data(pruned, step, targets, split, split)
    before = pruned.logits(data.train)
    plan = Optimization(epochs=1, learning_rate=1e-3, batch_size=6)
    fit(pruned, data.train, data.loss, plan, data.validation)
    assert not torch.equal(pruned.logits(data.train), before)
