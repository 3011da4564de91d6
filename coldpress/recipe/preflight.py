"""Checks of a recipe's data, teacher and disk space before anything is trained."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from coldpress.benchmark import loading
from coldpress.benchmark.loading import Benchmark
from coldpress.data import leakage
from coldpress.data.leakage import FilteredRows
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.errors import InputError
from coldpress.evaluation.operating_points.section import check_rows
from coldpress.evaluation.subgroups import slices
from coldpress.kinds.samples import sample_noun
from coldpress.method import TeacherDescription
from coldpress.recipe.presets import describe_preset
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import label_checks, size, spec
from coldpress.teacher.pretrained import (
    TEACHER_FIELD,
    PretrainedModel,
    check_pretrained,
    fetch_tokenizer,
)
from coldpress.teacher.sentence_teacher import check_dimension, check_sentence_files
from coldpress.teacher.size import TeacherSize
from coldpress.teacher.spec import ScratchModel
from coldpress.teacher.tokenizer.comparison import compare_with_transformers
from coldpress.teacher.tokenizer.loading import TeacherTokenizer, load_teacher_tokenizer
from coldpress.teacher.tokenizer.wordpiece import MASK_TOKEN

_TEACHER_COPIES = 5
_RECORDS_BYTES = 200 * 2**20
_MAX_LISTED = 8


@dataclass(frozen=True)
class PreflightReport:
    """Data and resources of a recipe that passed the checks.

    Attributes:
        recipe: The checked recipe.
        data: Its benchmark.
        needed_bytes: Upper bound of the disk space that a run takes.
        free_bytes: Free disk space.
        unlabelled: Unlabelled rows for distillation, without leaked ones; None without such a file.
        dropped: Added tokens that are ignored because the teacher, or the model that the student
            starts from, has no embedding for them.
    """

    recipe: Recipe
    data: Benchmark
    needed_bytes: int
    free_bytes: int
    unlabelled: FilteredRows | None = None
    dropped: tuple[str, ...] = ()

    def table(self) -> Table:
        """Return the report as a table for the terminal."""
        kind = self.data.kind
        noun = sample_noun(kind)
        rows = {
            "recipe": self.recipe.name,
            **describe_preset(self.recipe),
            "rows": f"{len(self.data.train)} train, {len(self.data.validation)} validation, "
            f"{len(self.data.test)} test",
            "task kind": kind.name,
            **self._samples_row(),
            **self._labels_row(),
            "dataset digest": self.data.digest[:16],
            f"test {noun} also in train": self._describe_overlap(),
            f"validation {noun} also in train": str(
                leakage.count_overlap(
                    [kind.split_samples(self.data.train)], kind.split_samples(self.data.validation)
                )
            ),
            **self._unlabelled_row(),
            **self._dropped_row(),
            "disk": f"{self.needed_bytes / 2**20:.0f} MiB at most, "
            f"{self.free_bytes / 2**20:.0f} MiB free",
        }
        table = Table("checked", "found", box=None)
        for name, value in rows.items():
            table.add_row(name, escape(value))
        return table

    def _samples_row(self) -> dict[str, str]:
        kind = self.data.kind
        if self.data.compared is not None:
            samples, others = len(kind.split_samples(self.data.test)), len(self.data.compared)
            return {"judge": f"{samples} {kind.samples_title}, {others} other texts"}
        if kind.samples_title == "rows":
            return {}
        splits = (self.data.train, self.data.validation, self.data.test)
        train, validation, test = (len(kind.split_samples(split)) for split in splits)
        return {kind.samples_title: f"{train} train, {validation} validation, {test} test"}

    def _labels_row(self) -> dict[str, str]:
        if not self.data.kind.has_labels:
            return {}
        return {"labels": f"{len(self.data.labels)}: {_shorten(self.data.labels)}"}

    def _describe_overlap(self) -> str:
        in_train = str(self.data.overlap)
        if self.unlabelled is None or not self.unlabelled.test:
            return in_train
        return f"{self.unlabelled.test} in soft_targets.unlabelled (left out), {in_train} in train"

    def _unlabelled_row(self) -> dict[str, str]:
        if self.unlabelled is None:
            return {}
        test = self.unlabelled.test
        validation = self.unlabelled.validation
        left_out = f"{test} test texts and {validation} validation texts"
        return {"unlabelled rows": f"{len(self.unlabelled.rows)}, without {left_out}"}

    def _dropped_row(self) -> dict[str, str]:
        if not self.dropped:
            return {}
        tokens = _shorten([repr(token) for token in self.dropped])
        return {"tokens without embedding": f"{tokens}: read as ordinary text"}


def run_preflight(recipe: Recipe, state: Path) -> PreflightReport:
    """Check everything that a recipe refers to: data, teacher, sizes, disk space.

    Args:
        recipe: A valid recipe with absolute paths.
        state: Directory where results will be stored; it need not exist.

    Raises:
        InputError: A field, file or row is invalid; the message names it.
    """
    spec.check_teacher_model(recipe.teacher.model)
    if recipe.student_model is not None:
        check_pretrained(recipe.student_model, STUDENT_FIELD)
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
    label_checks.check_teacher_labels(recipe.teacher, data.labels, data.kind)
    unlabelled = _read_unlabelled(recipe, data)
    if recipe.student_model is not None and data.kind.head == "sentence":
        check_sentence_files(recipe.student_model, STUDENT_FIELD)
    sizes = _read_sizes(recipe)
    needed = _TEACHER_COPIES * max(s.weights_bytes for s in sizes) + _RECORDS_BYTES
    report = PreflightReport(recipe, data, needed, _free_bytes(state), unlabelled)
    if report.free_bytes < report.needed_bytes:
        raise InputError(
            f"disk: {state} has {report.free_bytes / 2**20:.0f} MiB free, "
            f"the run may need {report.needed_bytes / 2**20:.0f} MiB"
        )
    # Last, since it imports transformers.
    tokenizers = _load_tokenizers(recipe, data)
    _check_methods(recipe, sizes, tokenizers)
    dropped = [token for source in tokenizers if source is not None for token in source.dropped]
    return replace(report, dropped=tuple(dict.fromkeys(dropped)))


def _read_sizes(recipe: Recipe) -> list[TeacherSize]:
    """Return the sizes of the teacher, and of another model that the student starts from."""
    sizes = [size.teacher_size(recipe.teacher.model)]
    if recipe.student_model is not None:
        sizes.append(size.teacher_size(recipe.student_model, STUDENT_FIELD))
    return sizes


def _read_unlabelled(recipe: Recipe, data: Benchmark) -> FilteredRows | None:
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    return loading.read_filtered_unlabelled(data, path, recipe.benchmark.columns)


def _load_tokenizers(recipe: Recipe, data: Benchmark) -> list[TeacherTokenizer | None]:
    """Load the tokenizers of the same models; None for a teacher from scratch."""
    teacher = recipe.teacher.model
    limit = recipe.benchmark.max_tokens
    sources: list[TeacherTokenizer | None] = [None]
    if not isinstance(teacher, ScratchModel):
        sources = [_load_tokenizer(teacher, TEACHER_FIELD, limit, data)]
    if recipe.student_model is not None:
        sources.append(_load_tokenizer(recipe.student_model, STUDENT_FIELD, limit, data))
    return sources


def _load_tokenizer(
    model: PretrainedModel, field: str, max_tokens: int, data: Benchmark
) -> TeacherTokenizer:
    """Load a model's tokenizer and check that it fits the data."""
    directory, location = fetch_tokenizer(model, field)
    source = load_teacher_tokenizer(directory, max_tokens, location)
    compare_with_transformers(source, data)
    return source


def _check_methods(
    recipe: Recipe, sizes: Sequence[TeacherSize], tokenizers: Sequence[TeacherTokenizer | None]
) -> None:
    """Check that every method can be applied to the model that the student is made from."""
    if recipe.distill is not None and recipe.distill.student.dimension is not None:
        dimension = recipe.distill.student.dimension
        check_dimension(recipe.teacher.model, dimension, sizes[0].hidden_size)
    last = tokenizers[-1]
    source = TeacherDescription(sizes[-1], None if last is None else last.tokenizer)
    width = None if recipe.distill is None else recipe.distill.student.width
    pruned = replace(source, size=source.size.with_width(width))
    for method in recipe.methods:
        method.check(pruned if method in (recipe.prune or ()) else source)
    _check_masks(recipe, tokenizers)


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
    existing = next(path for path in (state, *state.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
