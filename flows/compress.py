"""Compress a transformer encoder into an ONNX model, stage by stage."""

from __future__ import annotations

from prefect import State, flow

from coldpress.recipe.recipe import Recipe
from flows.placement import evaluate_on_pools, place
from tasks.distill_student import distill_student
from tasks.execution.pipeline_run import pipeline_run
from tasks.export_onnx import export_onnx
from tasks.gate import apply_gate, final_state
from tasks.generate_soft_targets import generate_soft_targets
from tasks.prune import prune
from tasks.quantize import quantize
from tasks.report import publish_report
from tasks.tracking.results import StageResult, final_model
from tasks.train_teacher import train_teacher


@flow(
    name="compress", flow_run_name="{recipe.name}", persist_result=False, result_serializer="json"
)
def compress(recipe: Recipe) -> State[StageResult]:
    """Compress a large transformer encoder into a small, fast ONNX model.

    Args:
        recipe: The dataset, the gate, and one section per stage.
    """
    with pipeline_run(recipe) as run:
        teacher = place(train_teacher, run)
        soft_targets = place(generate_soft_targets, run, teacher)
        student = place(distill_student, run, teacher, soft_targets)
        pruned = place(prune, run, student, soft_targets)
        quantized = place(quantize, run, pruned, soft_targets)
        onnx = place(export_onnx, run, quantized)
        models = [teacher, student, pruned, quantized, onnx]
        evaluations = evaluate_on_pools(run, models)
        final = final_model(models)
        verdict = apply_gate(run, final, evaluations)
        publish_report(run, final, evaluations, verdict)
        return final_state(verdict, evaluations[0])
