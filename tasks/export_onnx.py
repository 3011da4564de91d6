"""Export: write the model as one ONNX file and prove that it computes the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from tasks.execution import data
from tasks.execution.stage import StageContext, StageSpec, run_stage

if TYPE_CHECKING:
    from coldpress.recipe.recipe import Recipe
    from tasks.tracking.results import StageResult


@task(name="export-to-onnx", cache_policy=NO_CACHE)
def export_onnx(recipe: Recipe, quantized: StageResult) -> StageResult:
    """Lower exactly the quantized integers; a graph that answers differently fails the stage."""
    from tasks.tracking.pyfunc import package_pyfunc

    # The file names its recipe, so another recipe's file is another file.
    kernels = {**cpu.kernel_environment(), "recipe": recipe.name}
    order = StageSpec("export_onnx", __name__, recipe, recipe.export, (quantized,), kernels)
    return run_stage(order, _export, package_pyfunc)


def _export(work: StageContext) -> dict[str, float]:
    from coldpress.data.encoding import encode
    from coldpress.model.checkpoint import new_checkpoint
    from coldpress.model.serialization import load_tokenizer
    from coldpress.onnx.export import export
    from coldpress.onnx.parity import check_parity
    from coldpress.onnx.temperature import calibrate_temperature

    recipe, source = work.order.recipe, work.inputs[0]
    validation = encode(load_tokenizer(source), data.load_benchmark(recipe).validation)
    labels = source.manifest.labels
    pairs = json.dumps(recipe.benchmark.columns.text_pair is not None)
    about = {"recipe": recipe.name, "source": source.digest, "pairs": pairs}
    with new_checkpoint(
        work.target, work.manifest().model_copy(update={"labels": labels})
    ) as directory:
        export(source, directory, recipe.export.opset, about)
        calibration = calibrate_temperature(directory, validation)
        parity = check_parity(source, directory / "model.onnx", validation)
    return {**calibration.metrics(), **parity.metrics(), "bytes": _size(work.target)}


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())
