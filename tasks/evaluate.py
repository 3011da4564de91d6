"""Evaluate: open the test split, once, for all stages' models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from coldpress import processor
from tasks import dataset, tracking
from tasks.stage import Order, Work, carry_out

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard import Evaluation
    from coldpress.recipe import Recipe
    from tasks.results import StageResult


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(recipe: Recipe, models: Sequence[StageResult]) -> StageResult:
    """Judge every model that this recipe made, paired and timed in turns."""
    made = tuple(model for model in models if model.status != "skipped")
    kernels = processor.kernels()
    order = Order("evaluate", __name__, recipe, recipe.evaluate, made, kernels)
    return carry_out(order, _make)


def _make(work: Work) -> dict[str, float]:
    from coldpress.checkpoint import writing
    from coldpress.evaluation import waterfall
    from tasks.subjects import judged

    evaluation = judged(work, dataset.benchmark(work.order.recipe))
    with writing(work.target, work.manifest()) as directory:
        (directory / "evaluation.json").write_text(evaluation.model_dump_json(indent=2))
        waterfall.figure(evaluation, directory / "waterfall.png")
    tracking.log_rows(work.run_id, waterfall.table(evaluation), "waterfall.json")
    create_table_artifact(waterfall.table(evaluation), key="waterfall")
    return _headline(evaluation)


def _headline(evaluation: Evaluation) -> dict[str, float]:
    final = evaluation.models["onnx"]
    numbers = {
        "accuracy": final.accuracy,
        "retention": final.retention,
        "speedup": final.speedup,
        "compression": final.compression,
    }
    return {name: value for name, value in numbers.items() if value is not None}
