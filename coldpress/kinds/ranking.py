"""Ranking: one score for a query and a document; a cross-encoder sorts a query's documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.data.rows import Rows
from coldpress.data.sources import Columns
from coldpress.data.splits import Split, row_ids
from coldpress.kinds import ranking_data
from coldpress.kinds.kind import HeadName, Outputs, TargetArray
from coldpress.kinds.ranking_data import RankingTargets
from coldpress.kinds.ranking_metrics import RankedDocuments, mean_correlation, relevance_texts
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup

if TYPE_CHECKING:
    from torch import Tensor


class Ranking:
    """One score for a query and a document; the sample is the query with all of its documents."""

    name = "ranking"
    metrics = (
        Metric("ndcg_at_10", "nDCG@10", "ndcg_at_10"),
        Metric("mrr_at_10", "MRR@10", "mrr_at_10"),
        Metric("map", "MAP", "map"),
    )
    sample_metric = metrics[0]
    samples_title = "queries"
    is_classification = False
    has_labels = False
    has_target_groups = True
    head: HeadName = "text"
    activation: Literal["none"] = "none"
    stratum_title = "query with a relevant and another document"
    problem_types = (None, "regression")
    model_title = "cross-encoder"
    pipeline_tag = "text-ranking"

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:
        """Return the name of the only output, after checking that there is an order to learn.

        Args:
            train: The training rows. Queries without a relevant document are allowed among them.
            columns: Names of the columns.

        Raises:
            InputError: No query has documents of different relevance.
        """
        ranking_data.check_differences(self.read_targets(train, columns, ()), train)
        return ("score",)

    def read_targets(
        self,
        rows: Rows,
        columns: Columns,
        names: Sequence[str],  # noqa: ARG002
    ) -> tuple[tuple[float, float], ...]:
        """Return query number and relevance of each row.

        Args:
            rows: Rows of any split.
            columns: Names of the columns.
            names: Unused.

        Raises:
            InputError: A relevance is not a number of at least 0, or two queries have the same id.
        """
        return ranking_data.read_relevance(rows, columns)

    def check_split(self, targets: RankingTargets, rows: Rows) -> None:
        """Refuse queries and splits for which every model has the same score.

        Args:
            targets: Of all rows of the split.
            rows: The source of the split, to name a row.

        Raises:
            InputError: A query has a single document, or none that is relevant; or no query has
                documents of different relevance.
        """
        ranking_data.check_queries(targets, rows)
        ranking_data.check_differences(targets, rows)

    def strata(self, targets: RankingTargets) -> list[int | None]:
        """Put queries that can be evaluated in one stratum; the others stay in train."""
        return [0 if usable else None for usable in ranking_data.evaluable_queries(targets)]

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Compute the balanced cross-entropy of scores (batch, 1) against targets (batch, 2)."""
        from coldpress.kinds.ranking_losses import balanced_relevance_loss

        relevance = targets[:, 1].to(outputs.dtype)
        return balanced_relevance_loss(outputs[:, 0], relevance, reduction)

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:  # noqa: ARG002
        """Compute the squared error of scores (batch, 1), for rows whose queries are not known."""
        from torch.nn.functional import mse_loss

        return mse_loss(outputs, teacher_outputs)

    def grouped_soft_loss(
        self, outputs: Tensor, teacher_outputs: Tensor, samples: Tensor
    ) -> Tensor:
        """Compute the squared error of scores and of margins within a query.

        Args:
            outputs: The student's, shape (batch, 1).
            teacher_outputs: Shape (batch, 1).
            samples: Query of each row, shape (batch,).

        Returns:
            Mean over the batch.
        """
        from coldpress.kinds.ranking_losses import score_and_margin_loss

        return score_and_margin_loss(outputs[:, 0], teacher_outputs[:, 0], samples)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute nDCG@10, MRR@10 and MAP, averaged over the queries.

        Args:
            outputs: Shape (rows, 1).
            targets: Query numbers and relevance, shape (rows, 2).

        Returns:
            From 0 to 1.
        """
        ranked = self._rank(outputs, targets)
        by_query = (ranked.ndcg(), ranked.reciprocal_rank(), ranked.average_precision())
        return {
            metric.name: float(values.mean())
            for metric, values in zip(self.metrics, by_query, strict=True)
        }

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the mean nDCG@10 of the queries."""
        return float(self._rank(outputs, targets).ndcg().mean())

    def counts(self, outputs: Outputs, targets: TargetArray) -> NDArray[np.float64]:
        """Return nDCG@10 and 1 for each query, shape (queries, 2)."""
        ndcg = self._rank(outputs, targets).ndcg()
        return np.stack([ndcg, np.ones_like(ndcg)], axis=1)

    def score_of_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean nDCG@10 from sums over queries, shape (..., 2)."""
        return np.asarray(counts[..., 0] / counts[..., 1])

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the query of each row, from 0 in the order of first rows.

        Args:
            targets: Shape (rows, 2); or scores of shape (rows,), of which each is a sample.
        """
        if targets.ndim == 1:
            return np.arange(len(targets))
        return ranking_data.query_samples(targets)

    def split_samples(self, split: Split) -> Split:
        """Return one row per query: its text, and the further columns of its first document."""
        samples = self.samples(split.target_array)
        queries = split.take(np.unique(samples, return_index=True)[1].tolist())
        return replace(queries, ids=row_ids(queries.texts, None), pairs=None)

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: relevance is only compared within a query."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return the nDCG@10 of each query.

        Without relevance, two models are compared row by row: 1 minus the difference between the
        probabilities of being relevant.

        Args:
            outputs: Shape (rows, 1).
            targets: Shape (rows, 2); or scores of another model, shape (rows,).
            scale: Unused.

        Returns:
            Shape (queries,), or (rows,).
        """
        if targets.ndim == 1:
            from scipy.special import expit

            return np.asarray(1 - np.abs(expit(outputs[:, 0]) - expit(targets)), dtype=np.float64)
        return self._rank(outputs, targets).ndcg()

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:
        """Return the Spearman correlation of two models' scores, averaged over the queries.

        A query whose documents have equal scores counts as 1 if they are the same by both models,
        otherwise as 0.
        """
        scores = (self.predicted_targets(outputs), self.predicted_targets(others))
        return mean_correlation(*scores, self.samples(targets))

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the scores as float64, shape (rows,)."""
        return outputs[:, 0].astype(np.float64)

    def confidence(self, outputs: Outputs) -> NDArray[np.float64] | None:  # noqa: ARG002
        """Return None: a ranking has no probability."""
        return None

    def target_groups(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
        scale: float,  # noqa: ARG002
    ) -> list[TargetGroup]:
        """Group the queries with one relevant document, and those with more."""
        scores = self._rank(outputs, targets).ndcg()
        relevant = np.bincount(self.samples(targets), weights=targets[:, 1] > 0)
        masks = {"1 relevant document": relevant == 1, "2 relevant or more": relevant > 1}
        members = {name: np.flatnonzero(mask) for name, mask in masks.items()}
        return [
            TargetGroup(name, tuple(queries.tolist()), scores[queries])
            for name, queries in members.items()
            if len(queries)
        ]

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
    ) -> list[str]:
        """Return the ranks of each query's relevant documents."""
        ranks = self._rank(outputs, targets).relevant_ranks()
        return ["ranks " + ", ".join(map(str, of_query)) for of_query in ranks]

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return the relevance of each query's documents in the order of the rows."""
        return relevance_texts(targets[:, 1], self.samples(targets))

    def _rank(self, outputs: Outputs, targets: TargetArray) -> RankedDocuments:
        scores = self.predicted_targets(outputs)
        return RankedDocuments.from_scores(scores, self.samples(targets), targets[:, 1])
