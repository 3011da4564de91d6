"""Run each stage of a recipe in a process of its own, and change what it imported.

Prints for each stage which library modules it had imported when it was done, and which of them
can be changed without a change of the stage's cache key. The library is imported by each process
anew: a module that an earlier stage has imported counts again where a later one imports it. Other
libraries are imported once, before the processes part, if they start no threads (a copy of a
process with threads may hang; MLflow and ONNX Runtime do start some).
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import accelerate  # noqa: F401
import matplotlib.pyplot  # noqa: F401
import prefect.artifacts  # noqa: F401
import scipy.stats  # noqa: F401
import transformers.models.bert.modeling_bert  # noqa: F401
from prefect.logging import disable_run_logger

if TYPE_CHECKING:
    from tasks.execution.stage_spec import StageSpec
    from tasks.tracking.results import StageResult

ROOT = Path(__file__).resolve().parents[2]
INPUTS = {
    "train_teacher": (),
    "generate_soft_targets": ("train_teacher",),
    "distill_student": ("train_teacher", "generate_soft_targets"),
    "prune": ("distill_student", "generate_soft_targets"),
    "quantize": ("prune", "generate_soft_targets"),
    "export_onnx": ("quantize",),
    "evaluate": ("train_teacher", "distill_student", "prune", "quantize", "export_onnx"),
}
"""What `flows.compress` hands to each stage."""


def run(stage: str, recipe_file: Path, folder: Path) -> None:
    """Run a stage as its Prefect task does, and write down which modules that imported."""
    from coldpress.recipe.recipe import Recipe
    from tasks.execution import progress
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking import runs

    progress._SECONDS_BETWEEN_ARTIFACTS = 3600.0  # no Prefect server is running
    recipe = Recipe.model_validate_json(recipe_file.read_text())
    experiment_id = runs.ensure_experiment(recipe.name)
    run_id = runs.open_run(experiment_id, recipe.name, {})
    pipeline_run = PipelineRun(recipe, run_id, experiment_id, {})
    results: Any = [_result(folder, name) for name in INPUTS[stage]]
    module: Any = importlib.import_module(f"tasks.{stage}")
    specs = _record_specs(module)
    with disable_run_logger():
        arguments = [results] if stage == "evaluate" else results
        result = getattr(module, stage).fn(pipeline_run, *arguments)
    modules = sorted(name for name in sys.modules if name.split(".")[0] == "coldpress")
    outside = _outside_the_key(modules, specs[0], folder / "source")
    (folder / f"{stage}.result.json").write_text(result.model_dump_json())
    (folder / f"{stage}.modules.json").write_text(json.dumps([modules, outside]))


def _record_specs(module: Any) -> list[StageSpec]:  # noqa: ANN401
    """Collect the specs that a stage's task runs."""
    run_stage: Callable[..., StageResult] = module.run_stage
    specs: list[StageSpec] = []

    def record_and_run(spec: StageSpec, *arguments: Any) -> StageResult:  # noqa: ANN401
        specs.append(spec)
        return run_stage(spec, *arguments)

    module.run_stage = record_and_run
    return specs


def _outside_the_key(modules: list[str], spec: StageSpec, source: Path) -> list[str]:
    """Return the modules whose files can have another line without another key."""
    from tasks.execution import cache_key

    cache_key._ROOT = source
    before = _key(spec)
    outside = []
    for module in modules:
        path = cache_key._find_source(source, module)
        assert path is not None, module
        text = path.read_text()
        path.write_text(f"{text}\n")
        if _key(spec) == before:
            outside.append(module)
        path.write_text(text)
    return outside


def _key(spec: StageSpec) -> str:
    from tasks.execution import cache_key

    cache_key.code_digest.cache_clear()
    return spec.key


def _result(folder: Path, stage: str) -> StageResult:
    from tasks.tracking.results import StageResult

    return StageResult.model_validate_json((folder / f"{stage}.result.json").read_text())


def _run_and_exit(stage: str, recipe_file: Path, folder: Path) -> None:
    """End without the clean-up at exit, which belongs to the process that was copied."""
    try:
        run(stage, recipe_file, folder)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(recipe_file: Path, folder: Path) -> None:
    """Run the stages in order, each in a copy of this process that knows no library module yet."""
    for package in ("coldpress", "tasks"):
        shutil.copytree(ROOT / package, folder / "source" / package)
    for stage in INPUTS:
        child = os.fork()
        if not child:
            _run_and_exit(stage, recipe_file, folder)
        if os.waitpid(child, 0)[1]:
            raise SystemExit(f"{stage} failed")
    read = {stage: json.loads((folder / f"{stage}.modules.json").read_text()) for stage in INPUTS}
    print(json.dumps(read))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
