"""What every distillation method promises, on a tiny random model of every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.distillation import DistillationMethod
from coldpress.distillation.method import Distillation
from coldpress.distillation.phase import distill
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import build_distillation_data
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, count_parameters
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.training.loop import fit, reseed

Make = Callable[[str], Classifier]
QUICK = {"student": {"layers": 2}, "epochs": 1, "batch_size": 6, "learning_rate": 1e-3}
SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "logits": QUICK,
    "distilbert": QUICK,
    "hidden": {**QUICK, "layer_epochs": 1},
    "relations": {**QUICK, "relation_epochs": 1, "relation_heads": 4},
}
# As narrow as the method can compare.
NARROW: Mapping[str, Mapping[str, int]] = {
    "logits": {"layers": 2, "width": 12, "heads": 2, "neurons": 10},
    "distilbert": {"layers": 2, "heads": 2, "neurons": 10},
    "hidden": {"layers": 2, "width": 12, "neurons": 10},
    "relations": {"layers": 2, "width": 12, "heads": 2, "neurons": 10},
}


def method(name: str, **changes: Any) -> Distillation:  # noqa: ANN401
    made: Distillation = TypeAdapter(DistillationMethod).validate_python(
        {"method": name, **SECTIONS[name], **changes}
    )
    return made


def distilled(teacher: Classifier, by: Distillation, split: Split) -> Classifier:
    reseed(0, "distill_student")
    # The last three rows are unlabelled.
    rows = Split(split.ids, split.texts, None, split.labels[:9])
    student = by.student.made_of(teacher, rows)
    shown = build_distillation_data(student, by, compute_soft_targets(teacher, rows), rows, split)
    distill(student, by.phases(teacher, student, shown.loss), shown)
    return student


def state(classifier: Classifier) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in classifier.module.state_dict().items()}


@pytest.fixture(params=sorted(ARCHITECTURES))
def family(request: pytest.FixtureRequest, random_classifier: Make) -> Classifier:
    return random_classifier(request.param)


def test_every_method_is_held_to_its_promises() -> None:
    union, _ = get_args(DistillationMethod)
    tags = {get_args(each.model_fields["method"].annotation)[0] for each in get_args(union)}
    assert tags == set(SECTIONS)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_student_of_every_family_is_the_same_again_and_is_exported(
    name: str, family: Classifier, split: Split, tmp_path: Path
) -> None:
    before, rows = state(family), encode(family.tokenizer, split)
    student = distilled(family, method(name), split)
    again = distilled(family, method(name), split)
    untouched = keep_layers(family, [0, 1])
    assert all(torch.equal(value, before[key]) for key, value in state(family).items())
    assert torch.equal(student.logits(rows), again.logits(rows))
    assert not torch.equal(student.logits(rows), untouched.logits(rows))
    assert_kept(student, rows, tmp_path)


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_narrower_student_of_every_family_is_kept_and_exported(
    name: str, family: Classifier, split: Split, tmp_path: Path
) -> None:
    before, shape = state(family), NARROW[name]
    student = distilled(family, method(name, student=shape, freeze_embeddings=False), split)
    assert all(torch.equal(value, before[key]) for key, value in state(family).items())
    assert student.shapes == (LayerShape(heads=shape.get("heads", 4), neurons=10),) * 2
    assert student.config.hidden_size == shape.get("width", 16)
    assert count_parameters(student) < count_parameters(keep_layers(family, [0, 1]))
    assert_kept(student, encode(family.tokenizer, split), tmp_path)


def assert_kept(student: Classifier, rows: EncodedSplit, directory: Path) -> None:
    """It comes back from its files, and answers in ONNX Runtime as in torch."""
    write_checkpoint(student, directory / "student", Manifest(stage="distill_student"))
    opened = Checkpoint.open(directory / "student")
    assert torch.equal(load_classifier(opened).logits(rows), student.logits(rows))
    with new_checkpoint(directory / "onnx", Manifest(stage="export_onnx")) as target:
        export(opened, target, 17, {})
    assert check_parity(opened, directory / "onnx" / "model.onnx", rows).label_agreement == 1.0


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_student_that_lost_a_head_recovers_by_the_logits_alone(
    name: str, tiny: Classifier, split: Split
) -> None:
    by, pruned = method(name), keep_heads(tiny, [[0, 1, 2], [3]])
    shown = build_distillation_data(pruned, by, compute_soft_targets(tiny, split), split, split)
    before = pruned.logits(shown.train)
    (first, *_) = by.phases(tiny, pruned, shown.loss)
    fit(pruned, shown.train, shown.loss, first.plan, shown.validation)
    assert not torch.equal(pruned.logits(shown.train), before)
