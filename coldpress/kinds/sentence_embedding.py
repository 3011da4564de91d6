"""Sentence embeddings: a vector for each text, judged by retrieval from a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from coldpress.data.judge import Judge
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import Columns
from coldpress.kinds.kind import Outputs, TargetArray
from coldpress.kinds.retrieval import (
    NDCG_DEPTH,
    NO_DOCUMENT,
    RECALL_DEPTH,
    ndcg,
    rank_documents,
    recall,
    shared_ranks,
)
from coldpress.kinds.scores import Metric, SampleScores, TargetGroup
from coldpress.kinds.vector_learning import VectorLearning
from coldpress.kinds.vectors import Vectors

if TYPE_CHECKING:
    from coldpress.data.splits import Split

PAIRS_KIND = "sentence-embedding-pairs"
"""Name of the kind whose judge are scored pairs, in manifests, files and evaluations."""

BITEXT_KIND = "sentence-embedding-bitext"
"""Name of the kind whose judge are texts and their translations."""


class SentenceColumns(Columns):
    """Names of the source's columns for the text and its translations."""

    text_fields: ClassVar[tuple[str, ...]] = ("text",)

    text: Annotated[str, Field(min_length=1, description="Column of the text.")] = "text"
    translations: Annotated[
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
        | None,
        Field(
            description="Column of the translation or the list of translations; or a list of"
            " columns, one per language; empty: texts have none."
        ),
    ] = None


class SentenceEmbeddingBenchmark(BenchmarkSection):
    """Texts to embed, and a judge: a corpus with queries, scored pairs, or translations."""

    kind: Literal["sentence-embedding"]
    columns: SentenceColumns = SentenceColumns()
    judge: Annotated[
        Judge | None,
        Field(description="Data that vectors are evaluated on; empty for synthetic data only."),
    ] = None

    @property
    def task_kind_name(self) -> str:
        """Name of the task kind, which depends on the judge."""
        if self.judge is None:
            return BITEXT_KIND if self.columns.translations else self.kind
        if self.judge.bitext is not None:
            return BITEXT_KIND
        return PAIRS_KIND if self.judge.pairs is not None else self.kind

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if self.fresh:
            raise ValueError("fresh: not possible with this kind, whose texts have no labels")
        if (self.judge is None) != (self.source.origin == "synthetic"):
            needed = "missing" if self.judge is None else "synthetic data has a judge of its own"
            raise ValueError(f"judge: {needed}")
        if self.task_kind_name == BITEXT_KIND and not self.columns.translations:
            raise ValueError("judge.bitext: needs columns.translations")
        return self


class SentenceEmbedding(VectorLearning):
    """Retrieval: outputs are the numbers of the first 100 documents, targets are judgements.

    The documents of a query are ranked by the cosine of their vectors with the query's. Judgements
    are rows of `coldpress.kinds.retrieval`. A query is a row, a unit and a sample.
    """

    name = "sentence-embedding"
    has_target_groups = False
    metrics = (
        Metric("ndcg_at_10", "nDCG@10", "ndcg_at_10"),
        Metric("recall_at_100", "Recall@100", "recall_at_100"),
    )
    sample_metric = metrics[0]
    samples_title = "queries"

    def compare_vectors(self, rows: Vectors, others: Vectors, targets: TargetArray) -> Outputs:  # noqa: ARG002
        """Rank the documents for each query.

        Args:
            rows: Of the queries, shape (queries, dimension).
            others: Of the documents, shape (documents, dimension).
            targets: Unused.

        Returns:
            Document numbers, best first, shape (queries, 100); fewer in a smaller corpus.
        """
        return rank_documents(rows, others, RECALL_DEPTH).astype(np.float32)

    def scores(self, outputs: Outputs, targets: TargetArray) -> dict[str, float]:
        """Compute nDCG@10 and Recall@100, averaged over the queries.

        Args:
            outputs: Rankings, shape (queries, ranks).
            targets: Judgements, shape (queries, 2 * pairs).
        """
        return {
            "ndcg_at_10": self.main_score(outputs, targets),
            "recall_at_100": float(recall(outputs, targets).mean()),
        }

    def main_score(self, outputs: Outputs, targets: TargetArray) -> float:
        """Compute the mean nDCG@10."""
        return float(ndcg(outputs, targets).mean())

    def counts(self, outputs: Outputs, targets: TargetArray) -> NDArray[np.float64]:
        """Return nDCG@10 and 1 for each query, shape (queries, 2)."""
        values = ndcg(outputs, targets)
        return np.stack([values, np.ones_like(values)], axis=1)

    def score_of_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean nDCG@10 from sums of `counts`, shape (..., 2) to (...)."""
        return np.asarray(counts[..., 0] / counts[..., 1], dtype=np.float64)

    def samples(self, targets: TargetArray) -> NDArray[np.int64]:
        """Return the number of each query."""
        return np.arange(len(targets))

    def split_samples(self, split: Split) -> Split:
        """Return the split: a row is a query."""
        return split

    def scale(self, targets: TargetArray) -> float:  # noqa: ARG002
        """Return 1: nDCG has no unit."""
        return 1.0

    def sample_scores(self, outputs: Outputs, targets: TargetArray, scale: float) -> SampleScores:  # noqa: ARG002
        """Return the nDCG@10 of each query."""
        return ndcg(outputs, targets)

    def agreement(self, outputs: Outputs, others: Outputs, targets: TargetArray) -> float:  # noqa: ARG002
        """Return the share of the first ten documents that two models have in common."""
        return float(shared_ranks(outputs, others).mean())

    def predicted_targets(self, outputs: Outputs) -> TargetArray:
        """Return the first document of each query as its only relevant one."""
        first = np.asarray(outputs[:, 0], dtype=np.int64)
        return np.stack([first, np.ones_like(first)], axis=1)

    def target_groups(
        self,
        outputs: Outputs,  # noqa: ARG002
        targets: TargetArray,  # noqa: ARG002
        names: Sequence[str],  # noqa: ARG002
        scale: float,  # noqa: ARG002
    ) -> list[TargetGroup]:
        """Return no groups: queries are grouped by slices only."""
        return []

    def prediction_texts(
        self,
        outputs: Outputs,
        targets: TargetArray,
        names: Sequence[str],  # noqa: ARG002
    ) -> list[str]:
        """Return the ranks of the relevant documents among the first ten."""
        return [
            _describe_ranks(ranking[:NDCG_DEPTH], judgements)
            for ranking, judgements in zip(outputs, targets, strict=True)
        ]

    def target_texts(self, targets: TargetArray, names: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return the numbers of the judged documents with their grades."""
        return [
            ", ".join(
                f"document {number} grade {grade}"
                for number, grade in judgements.reshape(-1, 2).tolist()
                if number != NO_DOCUMENT
            )
            for judgements in targets
        ]


def _describe_ranks(ranking: Outputs, judgements: TargetArray) -> str:
    relevant = [number for number, grade in judgements.reshape(-1, 2).tolist() if grade > 0]
    ranks = [str(rank) for rank, number in enumerate(ranking.tolist(), 1) if number in relevant]
    if not ranks:
        return f"no relevant document of {len(relevant)} in the first {len(ranking)}"
    return f"relevant documents at rank {', '.join(ranks)}"
