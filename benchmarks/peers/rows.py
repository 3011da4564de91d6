"""The rows that all models get, read as Coldpress reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint
from tasks.environment.atomic_file import write_text_atomic

TIMED_TEXTS = 200
MAX_TOKENS = 64


@dataclass(frozen=True)
class Rows:
    """Dataset and teacher of a comparison.

    Attributes:
        name: Of the dataset.
        data: Its splits.
        teacher: Fine-tuned on the training rows.
        pretrained: Sentence transformer that the teacher was made from; None if not known.
    """

    name: str
    data: Benchmark
    teacher: Checkpoint
    pretrained: Path | None

    @property
    def timed(self) -> list[int]:
        """Positions of the test texts that are timed: a sample, in random order."""
        order = np.random.default_rng(0).permutation(len(self.data.test))
        return [int(position) for position in order[:TIMED_TEXTS]]

    @property
    def labels(self) -> list[str]:
        """True labels of the test rows."""
        return _labels(self.data, self.data.test)

    def job(self) -> dict[str, Any]:
        """Return what workers get, see `workers.protocol.Job`: no labels of test rows."""
        splits = {"train": self.data.train, "validation": self.data.validation}
        return {
            "labels": list(self.data.labels),
            **{
                name: {"texts": list(split.texts), "labels": _labels(self.data, split)}
                for name, split in splits.items()
            },
            "test": list(self.data.test.texts),
            "timed": self.timed,
            "teacher": str(self.teacher.path.resolve()),
            "teacher_digest": self.teacher.digest,
            "pretrained": None if self.pretrained is None else str(self.pretrained.resolve()),
            "max_tokens": MAX_TOKENS,
        }


def check_teacher(data: Benchmark, teacher: Checkpoint) -> None:
    """Check that the teacher predicts the labels of the rows.

    Raises:
        InputError: Its labels differ.
    """
    if tuple(teacher.manifest.labels) != tuple(data.labels):
        raise InputError(f"--teacher: its labels {teacher.manifest.labels} are not {data.labels}")


def write_job(rows: Rows, folder: Path) -> Path:
    """Write the file that all workers read.

    Args:
        rows: Dataset and teacher.
        folder: Made if it does not exist.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "job.json"
    write_text_atomic(target, json.dumps(rows.job()))
    return target


def _labels(data: Benchmark, split: Split) -> list[str]:
    return [data.labels[int(target)] for target in split.target_array]
