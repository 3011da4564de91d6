"""Record a re-evaluation where people look: in MLflow, on the version, and in Prefect."""

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

RESULT_FILE, PAGE_FILE = "reevaluation.json", "reevaluation.md"


@task(name="record-reevaluation", cache_policy=NO_CACHE)
def record_reevaluation(champion: ChampionRecord, fresh: NewRowsSource, found: Reevaluation) -> str:
    """Write a run of its own, and the latest verdict onto the version; return the run's id."""
    experiment_id = runs.ensure_experiment(champion.recipe.name)
    tags = {
        "reevaluates": found.model,
        "reevaluates_digest": champion.digest or "",
        "reevaluated": found.verdict,
        "fresh": fresh.model_dump_json(),
        "fresh_digest": found.digest,
        "prefect": pipeline_run.flow_run_link(),
    }
    run_id = runs.open_run(experiment_id, "re-evaluate", tags)
    with runs.managed_run(run_id):
        runs.log_lineage(run_id, [_champion_result(champion)], None)
        runs.log_metrics(run_id, _metrics(found))
        _log_files(run_id, found)
    flow_run_page.show_reevaluation(found, run_id)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    # The verdict comes last, when all that it rests on is there.
    told = {"reevaluated.when": when, "reevaluated.run_id": run_id, "reevaluated": found.verdict}
    version_identity.check_unchanged(found.model, champion.digest)
    registry.set_tags(found.model, told)
    return run_id


def _champion_result(champion: ChampionRecord) -> StageResult:
    return StageResult(stage="export_onnx", status="reused", model_uri=champion.model_uri)


def _log_files(run_id: str, found: Reevaluation) -> None:
    with home.workspace() as directory:
        (directory / RESULT_FILE).write_text(
            found.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        (directory / PAGE_FILE).write_text(
            markdown.reevaluation_page(found) + "\n", encoding="utf-8"
        )
        for name in (RESULT_FILE, PAGE_FILE):
            runs.log_file(run_id, directory / name)


def _metrics(found: Reevaluation) -> dict[str, float]:
    metrics = {"rows": float(found.n)}
    for one in found.drift:
        metrics |= {f"drift.{one.way}": one.effect, f"drift.{one.way}.p_adjusted": one.p_adjusted}
    if found.accuracy is not None:
        metrics["accuracy"] = found.accuracy.fresh.estimate
        if found.accuracy.others is not None:
            metrics["accuracy.difference"] = found.accuracy.others.difference.estimate
        if found.accuracy.same is not None:
            metrics["accuracy.difference_on_same_rows"] = found.accuracy.same.difference.estimate
    if found.agreement is not None:
        metrics["agreement"] = found.agreement.fresh.estimate
    return metrics
