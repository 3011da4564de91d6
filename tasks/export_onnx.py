"""Export the model to one ONNX file and check its parity with the checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from tasks.execution import data
from tasks.execution.stage import run_stage
from tasks.execution.stage_spec import StageContext, StageSpec

if TYPE_CHECKING:
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="export-to-onnx", cache_policy=NO_CACHE)
def export_onnx(run: PipelineRun, quantized: StageResult) -> StageResult:
    """Lower the stored integers unchanged; a graph whose logits differ fails the stage."""
    from tasks.tracking.pyfunc import package_pyfunc

    if run.recipe.export is None:
        return quantized.skipped_as("export_onnx")
    # The file contains the recipe's name, so each recipe has a file of its own.
    extras = {**cpu.kernel_environment(), "recipe": run.recipe.name}
    points = run.recipe.evaluate.operating_points
    if points:
        extras["operating_points"] = json.dumps([point.model_dump() for point in points])
    spec = StageSpec(run, "export_onnx", run.recipe.export, (quantized,), extras)
    return run_stage(spec, _export, package_pyfunc)


def _export(context: StageContext) -> dict[str, float]:
    from coldpress.data.encoding import encode
    from coldpress.kinds import task_kind
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.model.serialization import load_tokenizer
    from coldpress.onnx.export import export
    from coldpress.onnx.operating_points import store_operating_points
    from coldpress.onnx.parity import check_parity
    from coldpress.onnx.temperature import calibrate_temperature
    from coldpress.onnx.thresholds import store_thresholds

    recipe = context.recipe
    source = context.inputs[0]
    validation = encode(load_tokenizer(source), data.load_benchmark(recipe).validation)
    pairs = json.dumps(recipe.benchmark.columns.has_pairs)
    metadata = {"recipe": recipe.name, "source": source.digest, "pairs": pairs}
    if "tokens" in recipe.benchmark.columns.columns_by_field:
        metadata["words"] = "tokens"  # a text is divided into words as those tokens are
    described = {"kind": source.manifest.kind, "labels": source.manifest.labels}
    manifest = context.manifest().model_copy(update=described)
    metrics: dict[str, float] = {}
    with new_checkpoint(context.target, manifest) as directory:
        export(source, directory, context.section.opset, metadata)
        if task_kind(source.manifest.kind).has_labels:
            metrics |= calibrate_temperature(directory, validation).metrics()
            metrics |= store_thresholds(directory, validation)
            store_operating_points(directory, validation, recipe.evaluate.operating_points)
        parity = check_parity(source, directory / "model.onnx", validation)
    return {**metrics, **parity.metrics(), "bytes": _total_bytes(context.target)}


def _total_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())
