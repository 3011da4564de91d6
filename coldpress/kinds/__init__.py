"""Task kinds: one file each, chosen by `benchmark.kind`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.kinds.bitext import BitextRetrieval
from coldpress.kinds.kind import TaskKind
from coldpress.kinds.multi_label import MultiLabel
from coldpress.kinds.multi_label_columns import MultiLabelBenchmark
from coldpress.kinds.ranking import Ranking
from coldpress.kinds.ranking_data import RankingBenchmark
from coldpress.kinds.regression import Regression, RegressionBenchmark
from coldpress.kinds.sentence_embedding import SentenceEmbedding, SentenceEmbeddingBenchmark
from coldpress.kinds.sentence_pairs import SentencePairs
from coldpress.kinds.text_classification import TextClassification, TextClassificationBenchmark
from coldpress.kinds.token_classification import TokenClassification
from coldpress.kinds.token_columns import TokenClassificationBenchmark

__all__ = [
    "DEFAULT_KIND",
    "KINDS",
    "TEXT_CLASSIFICATION",
    "KindSection",
    "MultiLabelBenchmark",
    "RankingBenchmark",
    "RegressionBenchmark",
    "SentenceEmbeddingBenchmark",
    "TextClassificationBenchmark",
    "TokenClassificationBenchmark",
    "task_kind",
]

KindSection = Annotated[
    SentenceEmbeddingBenchmark
    | TextClassificationBenchmark
    | RegressionBenchmark
    | MultiLabelBenchmark
    | RankingBenchmark
    | TokenClassificationBenchmark,
    Field(discriminator="kind"),
]
"""The `benchmark` section of a recipe: a union of the kinds, told apart by `kind`.

The kind with the fewest columns comes first, so that Prefect's form can tell the columns apart.
"""

TEXT_CLASSIFICATION: TaskKind = TextClassification()

KINDS: dict[str, TaskKind] = {
    kind.name: kind
    for kind in (
        TEXT_CLASSIFICATION,
        Regression(),
        MultiLabel(),
        Ranking(),
        TokenClassification(),
        SentenceEmbedding(),
    )
}

_VARIANTS: dict[str, TaskKind] = {
    SentencePairs.name: SentencePairs(),
    BitextRetrieval.name: BitextRetrieval(),
}
"""Kinds that a section chooses by other fields than `kind`."""

DEFAULT_KIND = TEXT_CLASSIFICATION.name
"""Kind of files that name none: those of earlier versions."""


def task_kind(name: str) -> TaskKind:
    """Return the kind with a name, as in a manifest, an exported file or `task_kind_name`."""
    return KINDS[name] if name in KINDS else _VARIANTS[name]
