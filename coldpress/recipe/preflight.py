"""Checks of a recipe's data, teacher and disk space before anything is trained."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.benchmark.unlabelled import read_filtered_unlabelled
from coldpress.data.leakage import FilteredRows
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.errors import InputError
from coldpress.evaluation.operating_points.section import check_rows
from coldpress.evaluation.subgroups import slices
from coldpress.method import TeacherDescription
from coldpress.recipe.preflight_report import PreflightReport
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import label_checks, size, spec
from coldpress.teacher.answers.reading import read_answers
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.outputs.checks import check_outputs_teacher
from coldpress.teacher.pretrained import TEACHER_FIELD, fetch_tokenizer
from coldpress.teacher.sentence_teacher import check_dimension, check_sentence_files
from coldpress.teacher.size import TeacherSize
from coldpress.teacher.spec import ScratchModel, Teacher, TeacherModel
from coldpress.teacher.tokenizer.comparison import compare_with_transformers
from coldpress.teacher.tokenizer.loading import TeacherTokenizer, load_teacher_tokenizer
from coldpress.teacher.tokenizer.wordpiece import MASK_TOKEN

_TEACHER_COPIES = 5
_RECORDS_BYTES = 200 * 2**20


def run_preflight(recipe: Recipe, state: Path) -> PreflightReport:
    """Check everything that a recipe refers to: data, teacher, sizes, disk space.

    Args:
        recipe: A valid recipe with absolute paths.
        state: Directory where results will be stored; it need not exist.

    Raises:
        InputError: A field, file or row is invalid; the message names it.
    """
    models = _models(recipe)
    for field, model in models.items():
        spec.check_teacher_model(model, field)
    data = loading.load_benchmark(
        recipe.benchmark, recipe.seed, slices.required_columns(recipe.evaluate.slices)
    )
    slices.check_slices(recipe.evaluate.slices, data.kind.split_samples(data.test))
    check_rows(
        recipe.evaluate.operating_points,
        data.kind,
        data.labels,
        {"validation": data.validation.target_array, "test": data.test.target_array},
    )
    unlabelled = _read_unlabelled(recipe, data, state)
    answers = None
    if isinstance(recipe.teacher, AnswersTeacher):
        rows = None if unlabelled is None else unlabelled.rows
        answers = read_answers(recipe.teacher, recipe.benchmark, data, rows)
    elif isinstance(recipe.teacher, Teacher):
        label_checks.check_teacher_labels(recipe.teacher, data.labels, data.kind)
    else:
        check_outputs_teacher(recipe.teacher, data)
    if isinstance(recipe.teacher, Teacher) and recipe.teacher.fit == "contrastive":
        check_sentence_files(recipe.teacher.model)
    if recipe.student_model is not None and data.kind.head == "sentence":
        check_sentence_files(recipe.student_model, STUDENT_FIELD)
    sizes = [size.teacher_size(model, field) for field, model in models.items()]
    needed = _TEACHER_COPIES * max(s.weights_bytes for s in sizes) + _RECORDS_BYTES
    report = PreflightReport(recipe, data, needed, _free_bytes(state), unlabelled, answers=answers)
    _check_engine(recipe)
    if report.free_bytes < report.needed_bytes:
        raise InputError(
            f"disk: {state} has {report.free_bytes / 2**20:.0f} MiB free, "
            f"the run may need {report.needed_bytes / 2**20:.0f} MiB"
        )
    # Last, since it imports transformers.
    tokenizers = [_load_tokenizer(*entry, recipe, data) for entry in models.items()]
    _check_methods(recipe, sizes, tokenizers)
    dropped = [token for source in tokenizers if source is not None for token in source.dropped]
    return replace(report, dropped=tuple(dict.fromkeys(dropped)))


def _check_engine(recipe: Recipe) -> None:
    if recipe.soft_targets.engine == "ray":
        from coldpress.distillation.shards.ray_data import check_cluster  # imports torch

        check_cluster()


def _models(recipe: Recipe) -> dict[str, TeacherModel]:
    """Return the models that the recipe's fields name: the teacher's and the student's own."""
    models: dict[str, TeacherModel] = {}
    if isinstance(recipe.teacher, Teacher):
        models[TEACHER_FIELD] = recipe.teacher.model
    if recipe.student_model is not None:
        models[STUDENT_FIELD] = recipe.student_model
    return models


def _read_unlabelled(recipe: Recipe, data: Benchmark, state: Path) -> FilteredRows | None:
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    columns = recipe.benchmark.columns
    folder = _existing_folder(state)
    return read_filtered_unlabelled(
        data, path, columns, folder if os.access(folder, os.W_OK) else None
    )


def _load_tokenizer(
    field: str, model: TeacherModel, recipe: Recipe, data: Benchmark
) -> TeacherTokenizer | None:
    """Load a model's tokenizer and check that it fits the data; None for one from scratch."""
    if isinstance(model, ScratchModel):
        return None
    directory, location = fetch_tokenizer(model, field)
    source = load_teacher_tokenizer(directory, recipe.benchmark.max_tokens, location)
    compare_with_transformers(source, data)
    return source


def _check_methods(
    recipe: Recipe, sizes: Sequence[TeacherSize], tokenizers: Sequence[TeacherTokenizer | None]
) -> None:
    """Check that every method can be applied to the model that the student is made from."""
    if recipe.distill is not None and recipe.distill.student.dimension is not None:
        _check_dimension(recipe, recipe.distill.student.dimension, sizes[0])
    last = tokenizers[-1]
    source = TeacherDescription(sizes[-1], None if last is None else last.tokenizer)
    student = None if recipe.distill is None else recipe.distill.student
    pruned = source if student is None else replace(source, size=student.size(source.size))
    for method in recipe.methods:
        method.check(pruned if method in (recipe.prune or ()) else source)
    _check_masks(recipe, tokenizers)


def _check_dimension(recipe: Recipe, dimension: int, first: TeacherSize) -> None:
    """Check the length of the student's vectors; answers are checked when they are read."""
    if isinstance(recipe.teacher, Teacher):
        check_dimension(recipe.teacher.model, dimension, first.hidden_size)


def _check_masks(recipe: Recipe, tokenizers: Sequence[TeacherTokenizer | None]) -> None:
    """Check the mask tokens; the tokenizer of a teacher from scratch will have one."""
    augment = recipe.soft_targets.augment
    if augment is None:
        return
    teacher, *students = [MASK_TOKEN if source is None else source.mask for source in tokenizers]
    augment.check_mask(teacher)
    for student in students:
        augment.check_student_mask(teacher, student)


def _free_bytes(state: Path) -> int:
    return shutil.disk_usage(_existing_folder(state)).free


def _existing_folder(state: Path) -> Path:
    return next(path for path in (state, *state.parents) if path.exists())
