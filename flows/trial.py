"""One trial of a search: compress, and measure the exported model on validation."""

from __future__ import annotations

from prefect import State, flow
from prefect.states import Completed

from coldpress.recipe.recipe import Recipe
from coldpress.search.budget import Measures
from flows.placement import place
from tasks.distill_student import distill_student
from tasks.execution.pipeline_run import pipeline_run
from tasks.export_onnx import export_onnx
from tasks.generate_soft_targets import generate_soft_targets
from tasks.measure_trial import measure_trial, validation_score_of
from tasks.prune import prune
from tasks.quantize import quantize
from tasks.tracking.search_runs import link_to_search
from tasks.train_teacher import train_teacher

POOR = "Poor"
"""Name of the final state of a trial that ended after distillation."""


@flow(name="trial", flow_run_name="{recipe.name}", persist_result=False, result_serializer="json")
def trial(
    recipe: Recipe,
    search_run_id: str,
    teacher_score: float | None = None,
    least_score: float | None = None,
) -> State[Measures]:
    """Compress a model as a trial of a search; the test split stays closed.

    Args:
        recipe: With the values of the trial.
        search_run_id: The search's run in MLflow.
        teacher_score: The teacher's score on validation, to compare with.
        least_score: A student with a lower score on validation is not compressed further.
    """
    with pipeline_run(recipe) as run:
        link_to_search(run.run_id, search_run_id)
        teacher = place(train_teacher, run)
        soft_targets = place(generate_soft_targets, run, teacher)
        student = place(distill_student, run, teacher, soft_targets)
        score = validation_score_of(run, student)
        if score is not None and least_score is not None and score < least_score:
            reason = f"the student's validation score is {score:.4g}, below {least_score:.4g}"
            return Completed(name=POOR, message=reason)
        pruned = place(prune, run, student, soft_targets)
        quantized = place(quantize, run, pruned, soft_targets)
        onnx = place(export_onnx, run, quantized)
        return Completed(data=measure_trial(run, soft_targets, onnx, teacher_score))
