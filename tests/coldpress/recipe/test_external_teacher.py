"""What a recipe cannot ask of a teacher whose outputs are used alone, in one line each."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.recipe.recipe import Recipe

ANSWERS = {"origin": "answers", "train": "a.jsonl", "test": "t.jsonl"}
OUTPUTS = {"origin": "outputs", "model": "./qwen"}
ZERO_SHOT = {"origin": "zero-shot", "model": "./nli", "labels": {"cold": "It is cold."}}
TEACHERS: list[dict[str, Any]] = [ANSWERS, OUTPUTS, ZERO_SHOT]
DISTILL = {"method": "logits", "student": {"from": "./small"}}


def recipe(teacher: dict[str, Any], **sections: Any) -> Recipe:  # noqa: ANN401
    source = {"origin": "files", "train": "train.jsonl", "test": "test.jsonl"}
    return Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": teacher,
            "distill": DISTILL,
            **sections,
        }
    )


@pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher["origin"])
def test_the_student_starts_from_another_model(teacher: dict[str, Any]) -> None:
    assert recipe(teacher).initial_model.origin == "directory"
    static = {"method": "static", "student": {"from": "./small"}}
    assert recipe(teacher, distill=static).initial_model.origin == "directory"
    origin = teacher["origin"]
    refused: dict[str, dict[str, Any]] = {
        f"distill: required with teacher.origin {origin}": {"distill": None},
        f"distill.student.from: required with teacher.origin {origin}": {
            "distill": {"method": "logits", "student": {"layers": 1}}
        },
        f"distill.method: relations is not possible with teacher.origin {origin}": {
            "distill": {"method": "relations", "student": {"layers": 1}}
        },
        f"soft_targets.augment: not possible with teacher.origin {origin}": {
            "soft_targets": {"augment": {}}
        },
        f"soft_targets.teachers: not possible with teacher.origin {origin}": {
            "soft_targets": {"teachers": 2}
        },
    }
    for message, sections in refused.items():
        with pytest.raises(ValidationError, match=message):
            recipe(teacher, **sections)


def test_only_a_model_of_one_pass_is_timed() -> None:
    gate = {"min_speedup": 2}
    assert recipe(OUTPUTS, gate=gate).gate is not None
    for teacher in (ANSWERS, ZERO_SHOT):
        with pytest.raises(ValidationError, match=r"gate\.min_speedup: not possible with"):
            recipe(teacher, gate=gate)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({}, r"gate\.max_drop: without teacher\.test"),
        ({"max_drop": None}, r"gate\.min_score: required without teacher\.test"),
        (
            {"max_drop": None, "min_score": 0.9, "max_class_drop": 0.1},
            r"gate\.max_class_drop: without teacher\.test",
        ),
    ],
)
def test_without_test_answers_the_gate_needs_an_absolute_bound(
    gate: dict[str, Any], message: str
) -> None:
    teacher = {**ANSWERS, "test": None}
    assert recipe(teacher, gate={"max_drop": None, "min_score": 0.9}).gate is not None
    with pytest.raises(ValidationError, match=message):
        recipe(teacher, gate=gate)


def test_unlabelled_texts_and_their_answers_come_together() -> None:
    both = {"soft_targets": {"unlabelled": "pool.jsonl"}}
    assert recipe({**ANSWERS, "unlabelled": "pool-answers.jsonl"}, **both).soft_targets.unlabelled
    with pytest.raises(ValidationError, match=r"teacher\.unlabelled: required"):
        recipe(ANSWERS, **both)
    with pytest.raises(ValidationError, match=r"soft_targets\.unlabelled: required"):
        recipe({**ANSWERS, "unlabelled": "pool-answers.jsonl"})


def test_an_unknown_origin_is_refused() -> None:
    with pytest.raises(ValidationError, match="its origin may be answers, outputs or zero-shot"):
        recipe({"origin": "oracle"})


def test_training_rows_without_labels_need_a_teacher_that_labels_them() -> None:
    source = {"origin": "files", "train": "a.jsonl", "validation": "v.jsonl", "test": "t.jsonl"}
    benchmark = {"kind": "text-classification", "source": source, "train_labels": False}
    assert recipe(ZERO_SHOT, benchmark=benchmark).benchmark.train_labels is False
    trained = {"model": "./teacher"}
    with pytest.raises(ValidationError, match=r"teacher\.epochs: 3, but benchmark\.train_labels"):
        recipe(trained, benchmark=benchmark)
    with pytest.raises(ValidationError, match="distill: required if"):
        recipe({**trained, "epochs": 0}, benchmark=benchmark, distill=None)
