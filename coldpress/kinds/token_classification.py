"""Token classification: entities in a text, as a tag for each of its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.data.rows import Rows
from coldpress.data.sources import Columns
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import entity_scores, tags
from coldpress.kinds.entity_scores import Counts
from coldpress.kinds.kind import HeadName, Outputs, TargetArray
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup
from coldpress.kinds.softmax_losses import cross_entropy, softened_divergence
from coldpress.kinds.tag_reading import read_tag_names, report_inside_tags
from coldpress.kinds.tags import Entities
from coldpress.schema.quoting import quote_names

if TYPE_CHECKING:
    from torch import Tensor


class TokenClassification:
    """A tag for each word: softmax, cross-entropy, strict micro F1 of entities.

    Targets of words are pairs: the index of the tag, and the number of the text.
    """

    name = "token-classification"
    metrics = (
        Metric("entity_f1", "entity F1", "f1"),
        Metric("entity_precision", "entity precision", "precision"),
        Metric("entity_recall", "entity recall", "recall"),
    )
    sample_metric = Metric("text_f1", "mean entity F1 of a text", "f1")
    samples_title = "texts"
    is_classification = False
    has_labels = True
    has_target_groups = True
    head: HeadName = "tokens"
    activation: Literal["softmax"] = "softmax"
    stratum_title = "type of a text's first entity"
    problem_types: tuple[str | None, ...] = (None,)
    model_title = "token classifier"
    pipeline_tag = "token-classification"

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the tags: `O`, then B and I of each type of the training rows.

        Args:
            train: The training rows.
            columns: Names of the columns.

        Raises:
            InputError: There is no entity, or a row is invalid.
        """
        rows = read_tag_names(train, columns)
        types = sorted({tag[2:] for row in rows for tag in row if tag != "O"})
        if not types:
            raise InputError(f"{train.location} has no entity")
        return tags.tag_names(types)

    def read_targets(
        self, rows: Rows, columns: Columns, names: Sequence[str]
    ) -> tuple[tuple[int, ...], ...]:
        """Return the indices of the tags of each row's words.

        Args:
            rows: Rows of any split.
            columns: Names of the columns.
            names: Names of the tags.

        Raises:
            InputError: A row is invalid, or has a type that is not in the training rows.
        """
        index = {name: i for i, name in enumerate(names)}
        read = read_tag_names(rows, columns)
        for row, row_tags in enumerate(read):
            unknown = next((tag for tag in row_tags if tag not in index), None)
            if unknown is not None:
                raise InputError(
                    f"{rows.locate(row)}: {columns.target_column!r} has the type"
                    f" {unknown[2:]!r}, which is not in the training rows; their types are"
                    f" {quote_names(tags.entity_types(names))}"
                )
        given = [[index[tag] for tag in row_tags] for row_tags in read]
        changed = [tags.begin_entities(row_tags) for row_tags in given]
        report_inside_tags(rows, columns, given, [count for _, count in changed])
        return tuple(row_tags for row_tags, _ in changed)

    def check_split(self, targets: Sequence[Any], rows: Rows) -> None:
        """Check that there is an entity: without one, the F1 of every model is 0.

        Args:
            targets: Tags of the words of all rows.
            rows: The source of the split, for the message.

        Raises:
            InputError: There is none.
        """
        if not any(tag != tags.OUTSIDE for row in targets for tag in row):
            raise InputError(f"{rows.location} has no entity")

    def strata(self, targets: Sequence[Any]) -> list[int]:
        """Stratify by the type of the first entity; texts without one are a stratum, too."""
        return [next(((int(tag) + 1) // 2 for tag in row if tag), 0) for row in targets]

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the cross-entropy of logits (words, tags) against tags (words, 2)."""
        return cross_entropy(outputs, targets[:, 0], reduction)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:
        """Compute the KL divergence of the words' softened distributions: `softened_divergence`."""
        return softened_divergence(outputs, teacher_outputs, temperature)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute F1, precision and recall of the entities of all texts together.

        Args:
            outputs: Logits, shape (words, tags).
            targets: Tags and texts, shape (words, 2).
        """
        counts = self.counts(outputs, targets).sum(axis=0)
        measures = (entity_scores.f1, entity_scores.precision, entity_scores.recall)
        return {
            metric.name: float(measure(counts))
            for metric, measure in zip(self.metrics, measures, strict=True)
        }

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the micro F1 of entities with the same words and type."""
        return float(self.score_of_counts(self.counts(outputs, targets).sum(axis=0)))

    def counts(self, outputs: Outputs, targets: TargetArray) -> Counts:
        """Count correct, predicted and true entities, shape (texts, 3)."""
        predicted, true = self._entities(outputs, targets)
        return entity_scores.count_entities(predicted, true, targets[:, 1])

    def score_of_counts(self, counts: Counts) -> NDArray[np.float64]:
        """Compute the F1 from sums of counts, shape (..., 3)."""
        return entity_scores.f1(counts)

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the number of each word's text."""
        return np.asarray(targets[:, 1]) if len(targets) else np.zeros(0, dtype=np.int64)

    def split_samples(self, split: Split) -> Split:
        """Return the split: its rows are the texts."""
        return split

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: an entity is right or wrong."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return the entity F1 of each text; 1 if it has no entity and none is predicted."""
        counts = self.counts(outputs, targets)
        return np.where(counts.any(axis=1), entity_scores.f1(counts), 1.0)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the share of words with the same tag, correct or not."""
        return float(np.mean(outputs.argmax(axis=1) == others.argmax(axis=1)))

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the index of each word's predicted tag, shape (words,)."""
        return np.asarray(outputs.argmax(axis=1))

    def confidence(self, outputs: Outputs) -> None:
        """Return None: a text has no probability of its own."""

    def target_groups(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],
        scale: float,  # noqa: ARG002
    ) -> list[TargetGroup]:
        """Group the true entities by type, and score 1 for each that is predicted: the recall."""
        predicted, true = self._entities(outputs, targets)
        found = true.are_in(predicted).astype(np.float64)
        groups = []
        for index, name in enumerate(tags.entity_types(names)):
            items = np.flatnonzero(true.types == index)
            if len(items):
                texts = targets[true.first[items], 1]
                title = f"entity {name}"
                groups.append(TargetGroup(title, tuple(items.tolist()), found[items], texts))
        return groups

    def prediction_texts(
        self, outputs: Outputs, targets: TargetArray, names: Sequence[str]
    ) -> list[str]:
        """Return the predicted tags of each text."""
        return _tag_texts(self.predicted_targets(outputs), targets[:, 1], names)

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:
        """Return the tags of each text."""
        return _tag_texts(targets[:, 0], targets[:, 1], names) if len(targets) else []

    def _entities(self, outputs: Outputs, targets: TargetArray) -> tuple[Entities, Entities]:
        """Return the predicted and the true entities."""
        texts = targets[:, 1]
        predicted = tags.find_entities(self.predicted_targets(outputs), texts)
        return predicted, tags.find_entities(targets[:, 0], texts)


def _tag_texts(
    indices: NDArray[np.int64], texts: NDArray[np.int64], names: Sequence[str]
) -> list[str]:
    rows: list[list[str]] = [[] for _ in range(int(texts.max(initial=-1)) + 1)]
    for index, text in zip(indices.tolist(), texts.tolist(), strict=True):
        rows[text].append(names[index])
    return [" ".join(row) for row in rows]
