"""What a check of a recipe found, as a table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from coldpress.benchmark.loading import Benchmark
from coldpress.data import leakage
from coldpress.data.leakage import FilteredRows
from coldpress.kinds.samples import sample_noun
from coldpress.recipe.presets import describe_preset
from coldpress.recipe.recipe import Recipe
from coldpress.teacher.answers.answers import Answers

_MAX_LISTED = 8
_DIFFERENT_SHARE = 0.04
"""Usual share of the rows that only one of teacher and lossless model predicts correctly."""
_QUANTILES = 1.96 + 1.645
"""Of a 95 % interval, and of a model that passes 95 % of the time (docs/methods.md, the gate)."""


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
        answers: Those of the teacher, if it is known by them alone.
    """

    recipe: Recipe
    data: Benchmark
    needed_bytes: int
    free_bytes: int
    unlabelled: FilteredRows | None = None
    dropped: tuple[str, ...] = ()
    answers: Answers | None = None

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
            "loss that can be ruled out": self._describe_detectable_loss(),
            "dataset digest": self.data.digest[:16],
            f"test {noun} also in train": self._describe_overlap(),
            f"validation {noun} also in train": str(
                leakage.count_overlap(
                    [kind.split_samples(self.data.train)], kind.split_samples(self.data.validation)
                )
            ),
            **self._unlabelled_row(),
            **self._answers_row(),
            **self._dropped_row(),
            "disk": f"{self.needed_bytes / 2**20:.0f} MiB at most, "
            f"{self.free_bytes / 2**20:.0f} MiB free",
        }
        table = Table("checked", "found", box=None)
        for name, value in rows.items():
            table.add_row(name, escape(value))
        return table

    def _describe_detectable_loss(self) -> str:
        """Describe the smallest max_drop that a lossless model passes 95 % of the time."""
        count = len(self.data.kind.split_samples(self.data.test))
        loss = _QUANTILES * math.sqrt(_DIFFERENT_SHARE / count)
        noun = sample_noun(self.data.kind)
        return (
            f"{100 * loss:.1f} points by {count} test {noun}, if only one of teacher and lossless"
            f" model is right in {_DIFFERENT_SHARE:.0%} of them"
        )

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

    def _answers_row(self) -> dict[str, str]:
        if self.answers is None:
            return {}
        unlabelled = None if self.unlabelled is None else self.unlabelled.rows
        parts = self.answers.coverage(self.data, unlabelled)
        counts = [f"{part.answered} of {part.rows} {name}" for name, part in parts.items()]
        return {"answers": ", ".join(counts)}

    def _dropped_row(self) -> dict[str, str]:
        if not self.dropped:
            return {}
        tokens = _shorten([repr(token) for token in self.dropped])
        return {"tokens without embedding": f"{tokens}: read as ordinary text"}


def _shorten(names: Sequence[str]) -> str:
    return ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
