"""Compress a transformer encoder into an ONNX model, stage by stage."""

from __future__ import annotations

from prefect import State, flow

from coldpress.recipe.recipe import Recipe
from tasks.distill_student import distill_student
from tasks.evaluate import evaluate
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
        teacher = train_teacher(run)
        soft_targets = generate_soft_targets(run, teacher)
        student = distill_student(run, teacher, soft_targets)
        pruned = prune(run, student, soft_targets)
        quantized = quantize(run, pruned, soft_targets)
        onnx = export_onnx(run, quantized)
        models = [teacher, student, pruned, quantized, onnx]
        evaluation = evaluate(run, models)
        final = final_model(models)
        verdict = apply_gate(run, final, evaluation)
        publish_report(run, final, evaluation, verdict)
        return final_state(verdict, evaluation)
