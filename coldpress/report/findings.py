"""Everything that the report and the card of a version are made from."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.distillation.disagreements import ClassDisagreement
from coldpress.evaluation.scorecard.final_model import TEACHER, final_model_name
from coldpress.evaluation.scorecard.flip import Flip
from coldpress.evaluation.scorecard.processor import evaluated_on
from coldpress.evaluation.scorecard.scorecard import Evaluation, Interval, Scorecard
from coldpress.evaluation.statistics.score_interval import card_interval
from coldpress.gate.verdict import Verdict
from coldpress.kinds import task_kind
from coldpress.kinds.kind import TaskKind
from coldpress.kinds.scores import Metric
from coldpress.recipe.recipe import Recipe
from coldpress.schema.lineage import Ancestor


@dataclass(frozen=True)
class Findings:
    """A version, deployable unless its recipe exports no file, and its measurements.

    Attributes:
        name: Name of the registered model.
        version: Version number.
        recipe: Recipe that made it.
        evaluation: Evaluation of all models of its run.
        verdict: Verdict of the gate; None if the recipe has no gate.
        flips: Test rows that it lost.
        lineage: Tree of its ancestors, with the version itself at the root.
        disagreements: Answers of a file against the labels of the training rows, by class; empty
            for other teachers.
        other_evaluations: Those of the same models on further processors.
    """

    name: str
    version: str
    recipe: Recipe
    evaluation: Evaluation
    verdict: Verdict | None = None
    flips: tuple[Flip, ...] = ()
    lineage: Ancestor | None = None
    disagreements: tuple[ClassDisagreement, ...] = ()
    other_evaluations: tuple[Evaluation, ...] = ()

    @property
    def final_name(self) -> str:
        """Name of the final model in the evaluation."""
        return final_model_name(self.evaluation)

    @property
    def final(self) -> Scorecard:
        """Scorecard of the final model."""
        return self.evaluation.models[self.final_name]

    @property
    def teacher(self) -> Scorecard | None:
        """Scorecard of the teacher; None if its answers for the test rows are not known."""
        return self.evaluation.models.get(TEACHER)

    @property
    def processors(self) -> list[tuple[str, Scorecard]]:
        """Each processor that the models were evaluated on, with the final model's scorecard."""
        evaluations = (self.evaluation, *self.other_evaluations)
        return [(evaluated_on(e), e.models[self.final_name]) for e in evaluations]

    @property
    def kind(self) -> TaskKind:
        """Task kind of the model."""
        return task_kind(self.evaluation.kind)

    @property
    def metric(self) -> Metric:
        """The gated metric."""
        return self.kind.metrics[0]

    def score(self, model: str) -> Interval:
        """Return a model's gated metric with its 95 % interval, as fractions.

        Args:
            model: Its name in the evaluation.
        """
        return card_interval(self.evaluation.models[model], self.evaluation.n)
