"""Soft targets: what the teacher answered for every example, kept so that students can share it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split, row_ids
from coldpress.model.classifier import Classifier
from coldpress.schema.finite import check_arrays_finite

_TENSORS = "soft_targets.safetensors"
_IDS = "ids.json"
_AUGMENTED = "augmented.json"


@dataclass(frozen=True)
class SoftTargets:
    """The teacher's answers, row by row.

    Attributes:
        ids: Example ids, in the order of the rows.
        logits: float16, shape (rows, labels): never divided by a temperature, which each student
            chooses for itself.
        hidden_states: float16, shape (rows, layers + 1, hidden): the first token after the
            embeddings and after every layer; None when nobody asked for it.
        augmented: Rows that were made for the teacher to answer; None when nobody asked for them.
    """

    ids: tuple[str, ...]
    logits: Tensor
    hidden_states: Tensor | None = None
    augmented: Split | None = None

    def transfer_set(self, rows: Split) -> Split:
        """Return what a student learns from.

        Args:
            rows: Training rows, and unlabelled ones behind them.

        Returns:
            These, and what was made of them.
        """
        return rows if self.augmented is None else rows.followed_by(self.augmented)

    def of(self, split: Split) -> Tensor:
        """Return the logits of a split's rows, found by id.

        Args:
            split: Rows that were all answered.

        Returns:
            float32, shape (rows, labels).

        Raises:
            KeyError: A row was never answered.
        """
        place = {name: row for row, name in enumerate(self.ids)}
        return self.logits[[place[name] for name in split.ids]].float()


def compute_soft_targets(
    teacher: Classifier, split: Split, hidden_states: bool = False
) -> SoftTargets:
    """Ask the teacher about every row.

    Args:
        teacher: In evaluation mode.
        split: Labelled or unlabelled rows.
        hidden_states: Also keep the first token's states.

    Returns:
        Its answers.
    """
    encoded = encode(teacher.tokenizer, split)
    logits = teacher.logits(encoded).half()
    if not hidden_states:
        return SoftTargets(split.ids, logits)
    states: list[Tensor] = [torch.empty(0)] * len(encoded)
    with torch.inference_mode():
        for batch in encoded.batches(64):
            layers = teacher.module(**teacher.inputs(batch), output_hidden_states=True)
            first = torch.stack([state[:, 0] for state in layers.hidden_states], dim=1)
            for row, state in zip(batch.rows, first.cpu().half(), strict=True):
                states[int(row)] = state
    return SoftTargets(split.ids, logits, torch.stack(states))


def save_soft_targets(answers: SoftTargets, directory: Path) -> None:
    """Put answers into a checkpoint that is being written.

    Args:
        answers: What the teacher said.
        directory: What `checkpoint.writing` yielded.

    Raises:
        NonFiniteError: An answer is no number, or beyond what float16 can hold.
    """
    tensors = {"logits": answers.logits}
    if answers.hidden_states is not None:
        tensors["hidden_states"] = answers.hidden_states
    check_arrays_finite({name: tensor.numpy() for name, tensor in tensors.items()})
    save_file(tensors, directory / _TENSORS)
    (directory / _IDS).write_text(json.dumps(answers.ids), encoding="utf-8")
    if answers.augmented is not None:
        made = {"texts": answers.augmented.texts, "pairs": answers.augmented.pairs}
        (directory / _AUGMENTED).write_text(json.dumps(made), encoding="utf-8")


def load_soft_targets(directory: Path) -> SoftTargets:
    """Read answers back.

    Args:
        directory: An opened checkpoint's.

    Returns:
        What was written.
    """
    tensors = load_file(directory / _TENSORS)
    ids = tuple(json.loads((directory / _IDS).read_text(encoding="utf-8")))
    return SoftTargets(
        ids, tensors["logits"], tensors.get("hidden_states"), _load_augmented(directory)
    )


def _load_augmented(directory: Path) -> Split | None:
    path = directory / _AUGMENTED
    if not path.exists():
        return None
    made = json.loads(path.read_text(encoding="utf-8"))
    texts, pairs = tuple(made["texts"]), None if made["pairs"] is None else tuple(made["pairs"])
    return Split(row_ids(texts, pairs), texts, pairs, ())


def mean_entropy(logits: Tensor) -> float:
    """Return how unsure the teacher is, in nats, averaged over the rows.

    Args:
        logits: Shape (rows, labels).

    Returns:
        Between 0 and ln(labels).
    """
    probabilities = torch.softmax(logits.float(), dim=-1)
    each = -(probabilities * probabilities.clamp_min(1e-12).log()).sum(-1)
    return float(each.mean())
