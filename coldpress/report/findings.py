"""Everything that the report and the card of a version are made from."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.scorecard.scorecard import Evaluation, Flip, Interval, Scorecard
from coldpress.evaluation.statistics.paired import accuracy_interval
from coldpress.gate.verdict import Verdict
from coldpress.recipe.recipe import Recipe
from coldpress.schema.lineage import Ancestor


@dataclass(frozen=True)
class Findings:
    """A deployable version and its measurements.

    Attributes:
        name: Name of the registered model.
        version: Version number.
        recipe: Recipe that made it.
        evaluation: Evaluation of all models of its run.
        verdict: Verdict of the gate; None if the recipe has no gate.
        flips: Test rows that it lost.
        lineage: Tree of its ancestors, with the version itself at the root.
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
        """Scorecard of the final model."""
        return self.evaluation.models["onnx"]

    @property
    def teacher(self) -> Scorecard:
        """Scorecard of the teacher."""
        return self.evaluation.models["teacher"]

    def accuracy(self, model: str) -> Interval:
        """Return a model's accuracy with its 95 % interval, as fractions.

        Args:
            model: Its name in the evaluation.
        """
        correct = round(self.evaluation.models[model].accuracy * self.evaluation.n)
        return accuracy_interval(correct, self.evaluation.n)
