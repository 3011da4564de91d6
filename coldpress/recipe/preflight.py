"""Everything that can be known to go wrong before anything is trained."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from coldpress.data import benchmark, hub, leakage
from coldpress.data.benchmark import Benchmark
from coldpress.data.leakage import FilteredRows
from coldpress.errors import InputError
from coldpress.evaluation.subgroups import slices
from coldpress.pruning.vocabulary.needed_tokens import check_tokenizer_type
from coldpress.recipe.recipe import Recipe
from coldpress.teacher import label_checks, size, spec
from coldpress.teacher.file_checks import TOKENIZER_PATTERNS
from coldpress.teacher.spec import DirectoryModel, HubModel, ScratchModel
from coldpress.teacher.tokenizer import loading
from coldpress.teacher.tokenizer.comparison import compare_with_transformers

_TEACHER_COPIES = 5
_RECORDS_BYTES = 200 * 2**20


@dataclass(frozen=True)
class PreflightReport:
    """What a recipe would work on.

    Attributes:
        recipe: The checked recipe.
        data: Its dataset.
        needed_bytes: Disk that a run may take at most.
        free_bytes: Disk that there is.
        unlabelled: What is learned from beside the training rows, if anything.
        dropped: Added tokens that are left out, as the teacher has no embedding for them.
    """

    recipe: Recipe
    data: Benchmark
    needed_bytes: int
    free_bytes: int
    unlabelled: FilteredRows | None = None
    dropped: tuple[str, ...] = ()

    def table(self) -> Table:
        """Return what was found, for a terminal."""
        rows = {
            "recipe": self.recipe.name,
            "rows": f"{len(self.data.train)} train, {len(self.data.validation)} validation, "
            f"{len(self.data.test)} test",
            "labels": f"{len(self.data.labels)}: {', '.join(self.data.labels[:8])}"
            + (", ..." if len(self.data.labels) > 8 else ""),
            "dataset digest": self.data.digest[:16],
            "test texts also in train": self._test_texts(),
            "validation texts also in train": str(
                leakage.count_overlap((self.data.train,), self.data.validation)
            ),
            **self._unlabelled(),
            **self._dropped(),
            "disk": f"{self.needed_bytes / 2**20:.0f} MiB at most, "
            f"{self.free_bytes / 2**20:.0f} MiB free",
        }
        table = Table("checked", "found", box=None)
        for name, value in rows.items():
            table.add_row(name, escape(value))
        return table

    def _test_texts(self) -> str:
        train, found = self.data.overlap, self.unlabelled
        if found is None or not found.test:
            return str(train)
        return f"{found.test} in soft_targets.unlabelled (left out), {train} in train"

    def _unlabelled(self) -> dict[str, str]:
        found = self.unlabelled
        if found is None:
            return {}
        left_out = f"{found.test} test texts and {found.validation} validation texts"
        return {"unlabelled rows": f"{len(found.rows)}, without {left_out}"}

    def _dropped(self) -> dict[str, str]:
        if not self.dropped:
            return {}
        names = ", ".join(map(repr, self.dropped[:8])) + (", ..." if len(self.dropped) > 8 else "")
        return {"tokens without embedding": f"{names}: read as ordinary text"}


def run_preflight(recipe: Recipe, state: Path) -> PreflightReport:
    """Check everything that a recipe names: data, teacher, sizes, disk.

    Args:
        recipe: A valid recipe with absolute paths.
        state: The directory that results will be kept in; it need not exist.

    Returns:
        What was found.

    Raises:
        InputError: Names the field, file or row that cannot be used.
    """
    spec.check_teacher_model(recipe.teacher.model)
    data = benchmark.load_benchmark(
        recipe.benchmark, recipe.seed, slices.required_columns(recipe.evaluate.slices)
    )
    slices.check_slices(recipe.evaluate.slices, data.test)
    label_checks.check_teacher_labels(recipe.teacher, data.labels)
    unlabelled = _read_unlabelled(recipe, data)
    large = size.teacher_size(recipe.teacher.model)
    if recipe.distill is not None:
        recipe.distill.check(large)
    needed = _TEACHER_COPIES * large.weights_bytes
    found = PreflightReport(recipe, data, needed + _RECORDS_BYTES, _free_bytes(state), unlabelled)
    if found.free_bytes < found.needed_bytes:
        raise InputError(
            f"disk: {state} has {found.free_bytes / 2**20:.0f} MiB free, "
            f"the run may need {found.needed_bytes / 2**20:.0f} MiB"
        )
    # It imports transformers: all that is known without comes first.
    return replace(found, dropped=_check_tokenizer(recipe, data))


def _read_unlabelled(recipe: Recipe, data: Benchmark) -> FilteredRows | None:
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    rows = benchmark.read_unlabelled(path, recipe.benchmark.columns)
    return leakage.remove_leaked_rows(rows, data.test, data.validation)


def _check_tokenizer(recipe: Recipe, data: Benchmark) -> tuple[str, ...]:
    """Refuse a tokenizer that is not good for the data; one from scratch is, and has a mask.

    Returns the added tokens that are left out.
    """
    model, augment = recipe.teacher.model, recipe.soft_targets.augment
    if isinstance(model, ScratchModel):
        return ()
    directory, place = _tokenizer_directory(model)
    source = loading.load_teacher_tokenizer(directory, recipe.benchmark.max_tokens, place)
    compare_with_transformers(source, data)
    if any(step.method == "vocabulary" for step in recipe.prune or ()):
        check_tokenizer_type(source.tokenizer)
    if augment is not None:
        augment.check_mask(source.mask)
    return source.dropped


def _tokenizer_directory(model: HubModel | DirectoryModel) -> tuple[Path, str]:
    """Where its files are, and how an error names the teacher."""
    if isinstance(model, DirectoryModel):
        return model.path, f"teacher.model.path: {model.path}"
    directory = hub.download_snapshot(
        "model", model.id, model.revision, TOKENIZER_PATTERNS, "teacher.model"
    )
    return directory, f"teacher.model: {model.id}"


def _free_bytes(state: Path) -> int:
    existing = next(path for path in (state, *state.parents) if path.exists())
    return shutil.disk_usage(existing).free
