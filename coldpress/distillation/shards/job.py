"""Shards: what is computed from which rows, and where it is stored.

A shard has a fixed number of rows, so that neither the engine nor the number of workers changes a
result.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from coldpress.data import arrow_rows
from coldpress.data.splits import Split
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.model.classifier import Classifier
from coldpress.schema.finite import check_arrays_finite

SHARD_ROWS = 32_768
_ROWS_FILE = "rows.arrow"


@dataclass(frozen=True)
class ShardJob:
    """The shards of one teacher.

    Attributes:
        folder: The stage's folder, with the rows and a folder for each teacher's shards.
        teacher: Directory of the teacher's checkpoint.
        number: Number of the teacher, from 1.
        hidden_states: Whether the first token's states are stored, too.
        shard_rows: Rows of a shard; only tests have others.
    """

    folder: Path
    teacher: Path
    number: int
    hidden_states: bool
    shard_rows: int = SHARD_ROWS

    @property
    def directory(self) -> Path:
        """Directory of the shards."""
        return self.folder / f"shards-of-teacher-{self.number}"

    def open_rows(self) -> Split:
        """Return the rows of all shards."""
        return arrow_rows.open_rows(self.folder / _ROWS_FILE)

    def count(self) -> int:
        """Return the number of shards."""
        return -(-len(self.open_rows()) // self.shard_rows)

    def find(self, shard: int) -> Path | None:
        """Return the file of a shard, None if there is none with its digest.

        Args:
            shard: Its number, from 0.
        """
        for path in self.directory.glob(f"{shard:06}-*.safetensors"):
            if path.stem.partition("-")[2] == _digest(path):
                return path
        return None

    def missing(self) -> list[int]:
        """Return the numbers of the shards that have to be computed."""
        return [shard for shard in range(self.count()) if self.find(shard) is None]

    def compute(self, teacher: Classifier, rows: Split, shard: int) -> Path:
        """Compute a shard and store it: aside first, then moved, named after its digest.

        Args:
            teacher: The teacher.
            rows: See `open_rows`.
            shard: Its number, from 0.

        Raises:
            NonFiniteError: A value is not finite, or too large for float16.
        """
        start = shard * self.shard_rows
        part = rows.take(range(start, min(start + self.shard_rows, len(rows))))
        tensors = compute_soft_targets(teacher, part, self.hidden_states).tensors
        check_arrays_finite({name: tensor.numpy() for name, tensor in tensors.items()})
        self.directory.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=self.directory) as aside:
            written = Path(aside) / "shard"
            save_file(tensors, written)
            target = self.directory / f"{shard:06}-{_digest(written)}.safetensors"
            return written.replace(target)

    def load(self, shard: int) -> dict[str, Tensor]:
        """Return a stored shard's tensors by name."""
        path = self.find(shard)
        if path is None:
            raise FileNotFoundError(f"{self.directory}: no shard {shard}")
        return load_file(path)


def write_rows(rows: Split, folder: Path) -> None:
    """Write the rows of all shards, unless a killed run has done so.

    Args:
        rows: Labelled or not.
        folder: The stage's folder.
    """
    path = folder / _ROWS_FILE
    if path.exists():
        return
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        arrow_rows.write_rows(arrow_rows.split_parts(rows), file)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def read_shards(jobs: list[ShardJob]) -> Iterator[dict[str, Tensor]]:
    """Yield the tensors of each shard; the logits are those of all teachers, averaged.

    Args:
        jobs: One for each teacher, whose shards are complete.
    """
    for shard in range(jobs[0].count()):
        teachers = [job.load(shard) for job in jobs]
        if len(jobs) > 1:
            mean = torch.stack([tensors["logits"].float() for tensors in teachers]).mean(0)
            teachers[0]["logits"] = mean.half()
        yield teachers[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
