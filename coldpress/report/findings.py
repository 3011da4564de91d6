"""All that is known of one version when its report and its card are written."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Evaluation, Flip, Interval, Scorecard
from coldpress.evaluation.statistics.paired import accuracy_interval
from coldpress.gate.verdict import Verdict
from coldpress.recipe.recipe import Recipe
from coldpress.schema.lineage import Ancestor


@dataclass(frozen=True)
class Findings:
    """One deployable version, and what was measured of it.

    Attributes:
        name: Of the registered model.
        version: Its number.
        recipe: What made it.
        evaluation: What the test split says of it and of the models before it.
        verdict: The gate's, or None where the recipe has none.
        flips: Test rows that it lost.
        lineage: What it was made from, itself at the root.
    """

    name: str
    version: str
    recipe: Recipe
    evaluation: Evaluation
    verdict: Verdict | None = None
    flips: tuple[Flip, ...] = ()
    lineage: Ancestor | None = None

    @property
    def final(self) -> Scorecard:
        """The deployable model's."""
        return self.evaluation.models["onnx"]

    @property
    def teacher(self) -> Scorecard:
        """The teacher's."""
        return self.evaluation.models["teacher"]

    def accuracy(self, model: str) -> Interval:
        """Return a model's accuracy with its 95 % interval.

        Args:
            model: Its name in the evaluation.

        Returns:
            Fractions.
        """
        right = round(self.evaluation.models[model].accuracy * self.evaluation.n)
        return accuracy_interval(right, self.evaluation.n)
