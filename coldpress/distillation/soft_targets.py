"""Soft targets: the teacher's logits for the transfer set, computed once for all students."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split, row_ids
from coldpress.distillation import row_index
from coldpress.kinds.kind import Activation
from coldpress.kinds.vectors import learns_vectors
from coldpress.model.classifier import Classifier
from coldpress.schema.finite import check_arrays_finite
from coldpress.training.step import supports_bf16

TENSORS_FILE = "soft_targets.safetensors"
IDS_FILE = "ids.json"
_AUGMENTED = "augmented.json"
_UNANSWERED = "unanswered.json"


@dataclass(frozen=True)
class SoftTargets:
    """The teacher's logits, row by row, and unit by unit if a row has several.

    Attributes:
        ids: Row ids, in the order of the logits.
        logits: float16, shape (units, labels). They are not divided by a temperature: each student
            has its own.
        hidden_states: float16, shape (rows, layers + 1, width): the first token's state after the
            embeddings and after every layer; None if not requested.
        augmented: Rows added by augmentation; None if there was none.
        units: Number of units of each row, int64, shape (rows,); None if the units are the rows.
        unanswered: Ids of rows without soft targets, which students are not trained on.
    """

    ids: Sequence[str]
    logits: Tensor
    hidden_states: Tensor | None = None
    augmented: Split | None = None
    units: Tensor | None = None
    unanswered: frozenset[str] = frozenset()

    def transfer_set(self, rows: Split) -> Split:
        """Return the rows a student is trained on.

        Args:
            rows: Training rows, followed by unlabelled ones.

        Returns:
            The same rows without those that have no soft targets, followed by the augmented ones.
        """
        if self.unanswered:
            rows = rows.take([n for n, name in enumerate(rows.ids) if name not in self.unanswered])
        return rows if self.augmented is None else rows.concat(self.augmented)

    def for_rows(self, split: Split) -> Tensor:
        """Return the logits of a split's rows, looked up by row id.

        Args:
            split: Rows in any order.

        Returns:
            float32, shape (units, labels).

        Raises:
            KeyError: A row has no soft targets.
        """
        return self.logits[torch.from_numpy(self.find_units(split))].float()

    def find_units(self, split: Split) -> NDArray[np.int64]:
        """Return the places of the units of a split's rows in the logits, shape (units,).

        Raises:
            KeyError: A row has no soft targets.
        """
        rows = row_index.find_rows(self.ids, split.ids)
        if self.units is None:
            return rows
        counts = self.units.numpy()
        firsts = (np.cumsum(counts) - counts)[rows]
        counts = counts[rows]
        # A row's units follow one another here and there.
        moves = firsts - (np.cumsum(counts) - counts)
        return np.asarray(np.arange(counts.sum()) + np.repeat(moves, counts))

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors that are stored, by name."""
        named = {
            "logits": self.logits,
            "units": self.units,
            "hidden_states": self.hidden_states,
        }
        return {name: tensor for name, tensor in named.items() if tensor is not None}


def compute_soft_targets(
    teacher: Classifier, split: Split, hidden_states: bool = False
) -> SoftTargets:
    """Compute the teacher's logits for every row.

    Args:
        teacher: In evaluation mode.
        split: Labelled or unlabelled rows. If they have sources, the teacher reads these: the soft
            targets of a translation are those of the text that was translated.
        hidden_states: Also keep the hidden states of the first token.

    Returns:
        Soft targets in the order of the rows.
    """
    if split.sources is not None:
        return _compute_for_sources(teacher, split, split.sources, hidden_states)
    encoded = encode(teacher.tokenizer, split)
    with _training_precision(teacher):
        logits = teacher.logits(encoded).half()
    units = None if encoded.words is None else torch.from_numpy(np.diff(encoded.first_units))
    if not hidden_states:
        return SoftTargets(split.ids, logits, units=units)
    states: list[Tensor] = [torch.empty(0)] * len(encoded)
    with torch.inference_mode():
        for batch in encoded.batches(64):
            output = teacher.module(**teacher.inputs(batch), output_hidden_states=True)
            first = torch.stack([state[:, 0] for state in output.hidden_states], dim=1)
            for row, state in zip(batch.rows, first.cpu().half(), strict=True):
                states[int(row)] = state
    return SoftTargets(split.ids, logits, torch.stack(states), units=units)


def _training_precision(teacher: Classifier) -> torch.autocast:
    """Return a context in which a teacher computes its logits in bf16, as it was trained.

    Where the hardware computes in bf16, this takes less than half of the time. Vectors, which are
    compared with those of other texts, stay in float32.
    """
    device = next(teacher.module.parameters()).device.type
    enabled = supports_bf16() and not learns_vectors(teacher.kind)
    return torch.autocast(device, torch.bfloat16, enabled)


def _compute_for_sources(
    teacher: Classifier, split: Split, sources: Sequence[str], hidden_states: bool
) -> SoftTargets:
    """Compute each source once, however many translations it has."""
    texts = tuple(dict.fromkeys(sources))
    distinct = Split(row_ids(texts, None), texts, None, ())
    computed = compute_soft_targets(teacher, distinct, hidden_states)
    numbers = {text: number for number, text in enumerate(texts)}
    rows = [numbers[source] for source in sources]
    states = None if computed.hidden_states is None else computed.hidden_states[rows]
    return SoftTargets(split.ids, computed.logits[rows], states)


def save_soft_targets(soft_targets: SoftTargets, directory: Path) -> None:
    """Write soft targets into a new checkpoint.

    Args:
        soft_targets: Logits, and what else there is.
        directory: As `checkpoint.new_checkpoint` yielded it.

    Raises:
        NonFiniteError: A value is not finite, or too large for float16.
    """
    tensors = soft_targets.tensors
    check_arrays_finite({name: tensor.numpy() for name, tensor in tensors.items()})
    save_file(tensors, directory / TENSORS_FILE)
    row_index.save_ids(soft_targets.ids, directory / IDS_FILE)
    if soft_targets.unanswered:
        ids = sorted(soft_targets.unanswered)
        (directory / _UNANSWERED).write_text(json.dumps(ids), encoding="utf-8")
    if soft_targets.augmented is not None:
        save_augmented(soft_targets.augmented, directory)


def save_augmented(augmented: Split, directory: Path) -> None:
    """Write the rows that augmentation added, beside the soft targets.

    Args:
        augmented: Rows without labels.
        directory: As `checkpoint.new_checkpoint` yielded it.
    """
    named = {"texts": augmented.texts, "pairs": augmented.pairs, "words": augmented.words}
    columns: dict[str, Any] = {n: None if v is None else list(v) for n, v in named.items()}
    if columns["words"] is None:
        del columns["words"]
    (directory / _AUGMENTED).write_text(json.dumps(columns), encoding="utf-8")


def load_soft_targets(directory: Path) -> SoftTargets:
    """Read soft targets from the directory of a checkpoint.

    Args:
        directory: Of an opened checkpoint.

    Returns:
        The soft targets as they were saved.
    """
    tensors = load_file(directory / TENSORS_FILE)
    unanswered = directory / _UNANSWERED
    return SoftTargets(
        ids=row_index.load_ids(directory / IDS_FILE),
        logits=tensors["logits"],
        hidden_states=tensors.get("hidden_states"),
        augmented=_load_augmented(directory),
        units=tensors.get("units"),
        unanswered=frozenset(json.loads(unanswered.read_bytes()) if unanswered.exists() else ()),
    )


def _load_augmented(directory: Path) -> Split | None:
    path = directory / _AUGMENTED
    if not path.exists():
        return None
    columns = json.loads(path.read_text(encoding="utf-8"))
    texts = tuple(columns["texts"])
    pairs = None if columns["pairs"] is None else tuple(columns["pairs"])
    words = None
    if "words" in columns:
        words = tuple(tuple((start, end) for start, end in row) for row in columns["words"])
    return Split(row_ids(texts, pairs), texts, pairs, (), words=words)


def mean_entropy(logits: Tensor, activation: Activation) -> float:
    """Return the entropy of the teacher's predictions in nats, averaged over the rows.

    Args:
        logits: Shape (rows, labels).
        activation: `softmax` for a row with one label; `sigmoid` for one whose labels are
            independent: its entropy is the sum of those of all labels.

    Returns:
        Between 0 and ln(labels); with independent labels, and labels * ln(2).
    """
    if activation == "softmax":
        probabilities = torch.softmax(logits.float(), dim=-1)
    else:
        present = torch.sigmoid(logits.float())
        probabilities = torch.cat([present, 1 - present], dim=-1)
    entropies = -(probabilities * probabilities.clamp_min(1e-12).log()).sum(-1)
    return float(entropies.mean())
