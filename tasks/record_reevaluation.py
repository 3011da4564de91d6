"""Record a re-evaluation in MLflow, on the model version and in Prefect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.drift import markdown
from tasks.environment import home
from tasks.execution import flow_run_page, pipeline_run
from tasks.promotion import version_identity
from tasks.tracking import registry, runs
from tasks.tracking.results import StageResult

if TYPE_CHECKING:
    from coldpress.data.new_rows import NewRowsSource
    from coldpress.drift.result import Reevaluation
    from tasks.promotion.champion import ChampionRecord

RESULT_FILE = "reevaluation.json"
PAGE_FILE = "reevaluation.md"


@task(name="record-reevaluation", cache_policy=NO_CACHE)
def record_reevaluation(
    champion: ChampionRecord, fresh: NewRowsSource, reevaluation: Reevaluation
) -> str:
    """Log a new run, tag the version with the latest verdict, and return the run id."""
    experiment_id = runs.ensure_experiment(champion.recipe.name)
    tags = {
        "reevaluates": reevaluation.model,
        "reevaluates_digest": champion.digest or "",
        "reevaluated": reevaluation.verdict,
        "fresh": fresh.model_dump_json(),
        "fresh_digest": reevaluation.digest,
        "prefect": pipeline_run.flow_run_link(),
    }
    run_id = runs.open_run(experiment_id, "re-evaluate", tags)
    with runs.managed_run(run_id):
        runs.log_lineage(run_id, [_champion_result(champion)], None)
        runs.log_metrics(run_id, _metrics(reevaluation))
        _log_files(run_id, reevaluation)
    flow_run_page.show_reevaluation(reevaluation, run_id)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    # The verdict comes last, so that it is set only if the others are.
    tags = {
        "reevaluated.when": when,
        "reevaluated.run_id": run_id,
        "reevaluated": reevaluation.verdict,
    }
    version_identity.check_unchanged(reevaluation.model, champion.digest)
    registry.set_tags(reevaluation.model, tags)
    return run_id


def _champion_result(champion: ChampionRecord) -> StageResult:
    return StageResult(stage="export_onnx", status="reused", model_uri=champion.model_uri)


def _log_files(run_id: str, reevaluation: Reevaluation) -> None:
    with home.workspace() as directory:
        result = reevaluation.model_dump_json(indent=2)
        (directory / RESULT_FILE).write_text(result + "\n", encoding="utf-8")
        page = markdown.reevaluation_page(reevaluation)
        (directory / PAGE_FILE).write_text(page + "\n", encoding="utf-8")
        for name in (RESULT_FILE, PAGE_FILE):
            runs.log_file(run_id, directory / name)


def _metrics(reevaluation: Reevaluation) -> dict[str, float]:
    metrics = {"rows": float(reevaluation.n)}
    for test in reevaluation.drift:
        metrics[f"drift.{test.way}"] = test.effect
        metrics[f"drift.{test.way}.p_adjusted"] = test.p_adjusted
    accuracy = reevaluation.accuracy
    if accuracy is not None:
        metrics[accuracy.metric] = accuracy.fresh.estimate
        if accuracy.others is not None:
            metrics[f"{accuracy.metric}.difference"] = accuracy.others.difference.estimate
        if accuracy.same is not None:
            name = f"{accuracy.metric}.difference_on_same_rows"
            metrics[name] = accuracy.same.difference.estimate
    if reevaluation.agreement is not None:
        metrics["agreement"] = reevaluation.agreement.fresh.estimate
    return metrics
