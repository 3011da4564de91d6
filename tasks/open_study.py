"""Open the study of a search."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress import cpu
from coldpress.recipe.search_space import SearchSpace
from coldpress.search.budget import Budget
from tasks.environment import studies
from tasks.execution import cache_key
from tasks.tracking import search_runs

if TYPE_CHECKING:
    from coldpress.search.study import Study
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult

_CODE = ("distill_student", "prune", "quantize", "export_onnx", "measure_trial")


@task(name="open-study", cache_policy=NO_CACHE)
def open_study(
    run: PipelineRun, space: SearchSpace, budget: Budget, inputs: list[StageResult]
) -> Study:
    """Open the study of the same recipe, space, costs, processor and code, or create it."""
    from coldpress.search.study import Study

    depends_on = {
        "recipe": run.recipe,
        "space": space,
        "costs": budget.costs,
        "inputs": [result.digest for result in inputs],
        "processor": cpu.kernel_environment(),
        "code": [cache_key.code_digest(f"tasks.{module}") for module in _CODE],
    }
    digest = hashlib.sha256(cache_key.canonical_json(depends_on).encode()).hexdigest()
    name = f"{run.recipe.name}-{digest[:16]}"
    search_runs.claim_study(run.run_id, name)
    return Study(studies.studies_uri(), name, space, budget, run.recipe.seed)
