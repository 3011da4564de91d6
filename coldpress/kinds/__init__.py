"""Task kinds: one file each, chosen by `benchmark.kind`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coldpress.kinds.kind import TaskKind
from coldpress.kinds.multi_label import MultiLabel
from coldpress.kinds.multi_label_columns import MultiLabelBenchmark
from coldpress.kinds.ranking import Ranking
from coldpress.kinds.ranking_data import RankingBenchmark
from coldpress.kinds.regression import Regression, RegressionBenchmark
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
    "TextClassificationBenchmark",
    "TokenClassificationBenchmark",
    "task_kind",
]

KindSection = Annotated[
    TextClassificationBenchmark
    | RegressionBenchmark
    | MultiLabelBenchmark
    | RankingBenchmark
    | TokenClassificationBenchmark,
    Field(discriminator="kind"),
]
"""The `benchmark` section of a recipe: a union of the kinds, told apart by `kind`."""

TEXT_CLASSIFICATION: TaskKind = TextClassification()

KINDS: dict[str, TaskKind] = {
    kind.name: kind
    for kind in (TEXT_CLASSIFICATION, Regression(), MultiLabel(), Ranking(), TokenClassification())
}

DEFAULT_KIND = TEXT_CLASSIFICATION.name
"""Kind of files that name none: those of earlier versions."""


def task_kind(name: str) -> TaskKind:
    """Return the kind with a name, as in `benchmark.kind`, a manifest or an exported file."""
    return KINDS[name]
