"""Artifacts on a flow run's page in Prefect: links, results and the reason of a failure.

Prefect shows each artifact's description in one line. A click on it opens the artifact itself, or,
if the artifact has a key, the list of all runs' artifacts with that key. So only tables have keys.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_UI_URL

from coldpress.errors import InputError
from coldpress.schema.markdown import escape_markdown
from tasks.execution import prefect_artifacts
from tasks.tracking import urls
from tasks.tracking.reports import REPORT

if TYPE_CHECKING:
    from coldpress.drift.result import Reevaluation
    from coldpress.evaluation.scorecard.scorecard import Evaluation
    from coldpress.gate.verdict import Check, Verdict
    from coldpress.kinds.scores import Metric
    from coldpress.report.findings import Findings
    from tasks.tracking.results import StageResult

_FIGURES = ("waterfall", "equity")
_RETRY_HINT = "Retry resumes here: finished stages are reused. The traceback is in the log."
_INPUT_HINT = "Correct this and start another run; finished stages are reused."


def link_mlflow_run(run_id: str, experiment_id: str) -> None:
    """Link to the pipeline run's MLflow run, as soon as it starts."""
    address = urls.run_url(run_id, experiment_id)
    if address:
        text = urls.markdown_link("Open the run in MLflow", address)
    else:
        text = urls.run_location(run_id, experiment_id)
    prefect_artifacts.show_markdown(text, "The run in MLflow")


def show_evaluation(evaluation: Evaluation, uri: str) -> None:
    """Show the effect of each stage as a table, and its figures if MLflow serves them.

    Args:
        evaluation: The evaluation of this run, or the reused one.
        uri: Its artifact URI: `runs:/<run id>/<folder>`.
    """
    from coldpress.kinds import task_kind
    from coldpress.report import limits
    from coldpress.report.waterfall_table import waterfall_table

    metric = task_kind(evaluation.kind).metrics[0]
    rows = [_waterfall_row(row, metric) for row in waterfall_table(evaluation)]
    remarks = " ".join(limits.timing_remarks(evaluation))
    description = "What each stage gave and took" + (f". {remarks}" if remarks else "")
    prefect_artifacts.show_table(rows, "waterfall", description)
    run_id, _, folder = uri.removeprefix("runs:/").partition("/")
    for name in _FIGURES:
        address = urls.file_url(run_id, f"{folder}/{name}.png")
        if address:
            picture = f"![{name}]({address})"
            prefect_artifacts.show_markdown(picture, picture)


def show_verdict(verdict: Verdict) -> None:
    """Show all checks of the gate with their sentences."""
    description = "Passed the gate" if verdict.passed else "**Refused by the gate**"
    checks = [_check_row(check) for check in verdict.checks]
    prefect_artifacts.show_table(checks, "gate", description)


def show_report(findings: Findings, run_id: str, experiment_id: str) -> None:
    """Link to the report, the registered model and, if it passed the gate, the promotion form.

    Args:
        findings: The content of the report.
        run_id: The pipeline run's MLflow run, which has the report.
        experiment_id: Its experiment.
    """
    from coldpress.report import sentences

    registered = f"{findings.name}/{findings.version}"
    page = urls.run_url(run_id, experiment_id)
    report = f"`coldpress report {registered}` writes the report to a file."
    if page:
        report = f"[Report]({page}/artifacts/{REPORT}) and model card, in MLflow."
    model = f"Model: {urls.markdown_link(registered, urls.version_url(registered))}. {report}"
    form = None
    deployable = findings.recipe.export is not None
    if deployable and findings.verdict is not None and findings.verdict.passed:
        form = prefect_artifacts.try_report("a form", lambda: _promotion_form_url(registered))
    promotion = f" [Promote it]({form})." if form else ""
    summary = f"**{sentences.verdict(findings)}.** {sentences.headline(findings)}"
    text = f"{summary}\n\n{model}{promotion}"
    prefect_artifacts.show_markdown(text, f"Report on {registered}")


def _promotion_form_url(registered: str) -> str | None:
    """URL of the `promote` deployment's form, filled in; None if there is no such deployment."""
    try:
        with get_client(sync_client=True) as prefect:
            deployment = prefect.read_deployment_by_name("promote/promote")
    except ObjectNotFound:
        return None
    parameters = urlencode({"parameters": json.dumps({"model": registered})})
    return f"{PREFECT_UI_URL.value()}/deployments/deployment/{deployment.id}/run?{parameters}"


def show_reevaluation(reevaluation: Reevaluation, run_id: str) -> None:
    """Show the result of a re-evaluation and link to its MLflow run.

    Args:
        reevaluation: The result.
        run_id: The MLflow run of the re-evaluation.
    """
    from coldpress.drift import markdown

    link = urls.markdown_link("Open the run in MLflow", urls.run_url(run_id))
    text = f"{markdown.reevaluation_page(reevaluation)}\n\n{link}"
    headline = escape_markdown(markdown.headline(reevaluation))
    description = f"**{reevaluation.model}: {reevaluation.verdict}.** {headline}"
    prefect_artifacts.show_markdown(text, description, key="re-evaluation")


def show_failure(error: Exception, failed: StageResult | None) -> None:
    """Say in the log and on the page which stage failed, why, and what to do.

    Args:
        error: The exception that ended the run.
        failed: The failed stage; None if no stage had started.
    """
    title = f"{failed.stage} failed" if failed else "Failed before the first stage"
    is_input_error = isinstance(error, InputError)
    reason = str(error) if is_input_error else f"{type(error).__name__}: {error}"
    hint = _INPUT_HINT if is_input_error else _RETRY_HINT
    # `log_filters` recognizes an input error by the exception in the arguments, not by its text.
    get_run_logger().error("%s: %s. %s", title, error if is_input_error else reason, hint)
    address = urls.run_url(failed.run_id) if failed and failed.run_id else None
    link = f"\n\n{urls.markdown_link('Its run in MLflow', address)}" if address else ""
    text = f"**{title}.** {escape_markdown(reason)}\n\n{hint}{link}"
    prefect_artifacts.show_markdown(text, f"**{title}**")


def _waterfall_row(model: dict[str, Any], metric: Metric) -> dict[str, str]:
    from coldpress.report import formats

    low = formats.percent(model[f"{metric.name}_low"])
    high = formats.percent(model[f"{metric.name}_high"])
    latency = "not timed" if model["p50_ms"] is None else f"{formats.short(model['p50_ms'])} ms"
    speed = [model[name] for name in ("speedup", "speedup_low", "speedup_high")]
    return {
        "model": model["model"],
        metric.title: f"{formats.percent(model[metric.name])} % ({low} to {high})",
        "size": "" if model["bytes"] is None else formats.size(model["bytes"]),
        "median latency": latency,
        "smaller": "" if model["compression"] is None else f"{model['compression']:.1f}x",
        "faster": "" if speed[0] is None else formats.ratio_with_interval(*speed),
    }


def _check_row(check: Check) -> dict[str, str]:
    from coldpress.report import formats

    return {
        "check": check.name,
        "verdict": "passed" if check.passed else "refused",
        "value": "not known" if check.value is None else formats.short(check.value),
        "bound": formats.short(check.bound),
        "in words": check.sentence,
    }
