"""One stage of a pipeline run, on a worker of another work pool than the run itself.

`flows.placement` starts this flow. It gets references only, and leaves its result in MLflow.
"""

from __future__ import annotations

from collections.abc import Callable

from prefect import State, flow
from prefect.states import Cancelled, Completed, Failed

from coldpress.errors import InputError
from coldpress.recipe.recipe import Recipe
from coldpress.schema.stages import Stage
from tasks.distill_student import distill_student
from tasks.evaluate import evaluate
from tasks.execution import flow_run_page, log_filters, placed_stage
from tasks.execution.placed_stage import RunReference
from tasks.export_onnx import export_onnx
from tasks.generate_soft_targets import generate_soft_targets
from tasks.prune import prune
from tasks.quantize import quantize
from tasks.tracking import parent_run
from tasks.tracking.results import StageResult
from tasks.train_teacher import train_teacher

INVALID_INPUT = "Invalid input: "
"""Start of the message of a failed state; the rest is the line of an `InputError`."""

_TASKS: dict[Stage, Callable[..., StageResult]] = {
    "train_teacher": train_teacher,
    "generate_soft_targets": generate_soft_targets,
    "distill_student": distill_student,
    "prune": prune,
    "quantize": quantize,
    "export_onnx": export_onnx,
    "evaluate": lambda run, *models: evaluate(run, models),
}


@flow(name="stage", persist_result=False, result_serializer="json")
def stage(
    recipe: Recipe, run: RunReference, stage: Stage, inputs: list[StageResult]
) -> State[StageResult]:
    """Run one stage of a pipeline run, which starts this flow.

    Args:
        recipe: The recipe of the run.
        run: The run.
        stage: The stage.
        inputs: Results of earlier stages, in the order of the task's parameters.
    """
    log_filters.hide_input_tracebacks()
    try:
        if not parent_run.is_in_progress(run.run_id):
            return Cancelled(message="The pipeline run has ended.")
        flow_run_page.link_mlflow_run(run.run_id, run.experiment_id)
        pipeline = placed_stage.resume_run(recipe, run)
        with placed_stage.cancel_with(run.run_id):
            result = _TASKS[stage](pipeline, *inputs)
    except InputError as error:
        return Failed(message=f"{INVALID_INPUT}{error}")
    return Completed(message=result.status, data=result)
