"""Publish the report of a run and the card of its model in MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from coldpress.distillation import disagreements
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.evaluation.subgroups import flips
from coldpress.report import card, html
from coldpress.report.findings import Findings
from tasks.environment import home
from tasks.execution import flow_run_page, pipeline_run
from tasks.promotion import lineage
from tasks.tracking import artifacts, processors, runs
from tasks.tracking.reports import CARD, REPORT, REPORT_DIGEST_TAG, REPORT_TAG

if TYPE_CHECKING:
    from coldpress.gate.verdict import Verdict
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.pipeline_run import PipelineRun
    from tasks.tracking.results import StageResult


@task(name="report", cache_policy=NO_CACHE)
def publish_report(
    run: PipelineRun,
    final: StageResult,
    evaluations: Sequence[StageResult],
    verdict: Verdict | None,
) -> None:
    """Write the report of this run and the card of its model, also if the gate refused it.

    With evaluations on several processors, both describe the first one, and have scores and
    latencies of the final model and the gate on all.
    """
    findings = _collect_findings(run.recipe, final, evaluations, verdict)
    pipeline_run.check_not_deleted(run)
    documents = {REPORT: html.render_report(findings), CARD: card.render_card(findings)}
    with home.workspace() as directory:
        for name, text in documents.items():
            (directory / name).write_text(text, encoding="utf-8")
            runs.log_file(run.run_id, directory / name)
    tags = {REPORT_DIGEST_TAG: final.digest or "", REPORT_TAG: final.registered or ""}
    runs.set_tags(run.run_id, tags)
    names = dict.fromkeys(name for name, _ in findings.processors)
    processors.record_processors(final.registered or "", list(names))
    flow_run_page.show_evaluation(findings.evaluation, evaluations[0].model_uri or "")
    flow_run_page.show_report(findings, run.run_id, run.experiment_id)


def _read_scorecards(evaluation: StageResult) -> Evaluation:
    with artifacts.open_checkpoint(evaluation.model_uri or "") as checkpoint:
        return Evaluation.read(checkpoint.path)


def _collect_findings(
    recipe: Recipe,
    final: StageResult,
    evaluations: Sequence[StageResult],
    verdict: Verdict | None,
) -> Findings:
    name, _, version = (final.registered or "").partition("/")
    first, *others = evaluations
    with artifacts.open_checkpoint(first.model_uri or "") as checkpoint:
        scorecards = Evaluation.read(checkpoint.path)
        flip_list = flips.read_flips(checkpoint.path)
        differences = disagreements.read_disagreements(checkpoint.path)
    tree = lineage.trace(final.registered or "")
    return Findings(
        name=name,
        version=version,
        recipe=recipe,
        evaluation=scorecards,
        verdict=verdict,
        flips=flip_list,
        lineage=tree,
        disagreements=differences,
        other_evaluations=tuple(_read_scorecards(result) for result in others),
    )
