"""How models of vectors are trained: what sentence embeddings have in common, however judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import HeadName, Outputs
from coldpress.kinds.retrieval import normalize_rows
from coldpress.kinds.scores import Metric
from coldpress.kinds.vectors import Vectors

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.data.rows import Rows
    from coldpress.data.sources import Columns

RELATION_WEIGHT = 10.0
"""Weight of the similarities within a batch: their squared errors are about a tenth of the cosine
distance."""


class VectorLearning:
    """One vector for each text: cosine distance, squared error and relations to the teacher's."""

    is_classification = False
    has_labels = False
    has_target_groups = True
    head: HeadName = "sentence"
    activation: Literal["none"] = "none"
    stratum_title = "text"
    problem_types = (None,)
    model_title = "sentence embedding model"
    pipeline_tag = "sentence-similarity"
    validation_metric = Metric("cosine", "cosine with the teacher", "cosine")

    def output_names(self, train: Rows, columns: Columns) -> tuple[str, ...]:  # noqa: ARG002
        """Return the name of the only output, which is a vector."""
        return ("vector",)

    def read_targets(
        self,
        rows: Rows,  # noqa: ARG002
        columns: Columns,  # noqa: ARG002
        names: Sequence[str],  # noqa: ARG002
    ) -> tuple[int, ...]:
        """Return no targets: texts have none."""
        return ()

    def check_split(self, targets: Sequence[Any], rows: Rows) -> None:
        """Accept every split: the judge's data is checked when it is read."""

    def strata(self, targets: Sequence[Any]) -> list[int]:
        """Return the same stratum for all."""
        return [0] * len(targets)

    def hard_loss(
        self, outputs: Tensor, targets: Tensor, reduction: Literal["mean", "sum"] = "mean"
    ) -> Tensor:
        """Refuse to compute a loss: texts have no targets, so that `alpha` has no effect.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"no targets for {len(outputs)} outputs, {len(targets)}, {reduction}")

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, temperature: float) -> Tensor:  # noqa: ARG002
        """Compute the distance to the teacher's vectors.

        Args:
            outputs: The student's, shape (batch, dimension).
            teacher_outputs: Shape (batch, dimension).
            temperature: Unused: there is no distribution to soften.

        Returns:
            Mean cosine distance, plus the squared error as a share of the teacher's mean square,
            plus the weighted squared error of the cosines between the texts of the batch (Tung &
            Mori 2019, "Similarity-Preserving Knowledge Distillation").
        """
        from torch.nn.functional import mse_loss, normalize

        student, teacher = normalize(outputs, dim=1), normalize(teacher_outputs, dim=1)
        cosine = (1 - (student * teacher).sum(dim=1)).mean()
        scale = teacher_outputs.square().mean().clamp_min(1e-12)
        relations = mse_loss(student @ student.T, teacher @ teacher.T)
        return cosine + mse_loss(outputs, teacher_outputs) / scale + RELATION_WEIGHT * relations

    def validation_score(self, vectors: Vectors, teacher: Vectors) -> float:
        """Return the mean cosine of a model's vectors with the teacher's."""
        return float(cosines(vectors, teacher).mean())

    def confidence(self, outputs: Outputs) -> None:
        """Return None: there are no probabilities."""


def cosines(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each pair of vectors.

    Args:
        first: Shape (rows, dimension).
        second: The same shape.

    Returns:
        Shape (rows,).
    """
    products = normalize_rows(first).astype(np.float64) * normalize_rows(second)
    return np.asarray(products.sum(axis=1), dtype=np.float64)
