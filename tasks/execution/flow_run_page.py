"""What the page of a flow run shows in Prefect: where to go on, what was found, why it failed.

Descriptions stand on the page itself, in one line, and a click leads on: without a key to what an
artifact holds, with one to a list of all runs' artifacts of that key, headed by the latest. So only
tables have keys.
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
    from coldpress.report.findings import Findings
    from tasks.tracking.results import StageResult

_FIGURES = ("waterfall", "equity")
_RETRY_HINT = "Retry goes on here: finished stages are reused. The traceback is in the log."
_INPUT_HINT = "Start another run with this put right; finished stages are reused."


def link_mlflow_run(run_id: str) -> None:
    """Lead to the chain's run in MLflow, from its start on."""
    address = urls.run_url(run_id)
    held = (
        urls.markdown_link("Open the run in MLflow", address)
        if address
        else urls.run_location(run_id)
    )
    prefect_artifacts.show_markdown(held, "The run in MLflow")


def show_evaluation(evaluation: Evaluation, uri: str) -> None:
    """Show what each stage gave and took, as a table, and its figures where MLflow serves them.

    Args:
        evaluation: Of this run, or taken over from another.
        uri: Where it is kept: `runs:/<run id>/<folder>`.
    """
    from coldpress.report import limits
    from coldpress.report.figures import waterfall

    rows = [_waterfall_row(row) for row in waterfall.waterfall_table(evaluation)]
    remarks = " ".join(limits.timing_remarks(evaluation))
    said = "What each stage gave and took" + (f". {remarks}" if remarks else "")
    prefect_artifacts.show_table(rows, "waterfall", said)
    run_id, _, folder = uri.removeprefix("runs:/").partition("/")
    for name in _FIGURES:
        address = urls.file_url(run_id, f"{folder}/{name}.png")
        if address:
            picture = f"![{name}]({address})"
            prefect_artifacts.show_markdown(picture, picture)


def show_verdict(verdict: Verdict) -> None:
    """Show every check of the gate, with its sentence."""
    said = "Passed the gate" if verdict.passed else "**Refused by the gate**"
    checks = [_check_row(check) for check in verdict.checks]
    prefect_artifacts.show_table(checks, "gate", said)


def show_report(found: Findings, run_id: str) -> None:
    """Lead to the report, to the registered model and, if it passed, to the form that promotes it.

    Args:
        found: What the report is made of.
        run_id: The chain's run, which keeps the report.
    """
    from coldpress.report import sentences

    registered, page = f"{found.name}/{found.version}", urls.run_url(run_id)
    report = f"`coldpress report {registered}` writes the report to a file."
    if page:
        report = f"[Report]({page}/artifacts/{REPORT}) and model card, in MLflow."
    where = f"Model: {urls.markdown_link(registered, urls.version_url(registered))}. {report}"
    passed = found.verdict is not None and found.verdict.passed
    form = (
        prefect_artifacts.try_report("a form", lambda: _promotion_form_url(registered))
        if passed
        else None
    )
    onward = f" [Promote it]({form})." if form else ""
    said = f"**{sentences.verdict(found)}.** {sentences.headline(found)}"
    text = f"{said}\n\n{where}{onward}"
    prefect_artifacts.show_markdown(text, f"Report on {registered}")


def _promotion_form_url(registered: str) -> str | None:
    """The form of the deployment `promote`, filled in; None where Prefect does not have it."""
    try:
        with get_client(sync_client=True) as prefect:
            deployment = prefect.read_deployment_by_name("promote/promote")
    except ObjectNotFound:
        return None
    parameters = urlencode({"parameters": json.dumps({"model": registered})})
    return f"{PREFECT_UI_URL.value()}/deployments/deployment/{deployment.id}/run?{parameters}"


def show_reevaluation(found: Reevaluation, run_id: str) -> None:
    """Show what was found of a champion, and lead to its run.

    Args:
        found: The re-evaluation.
        run_id: The run that keeps it.
    """
    from coldpress.drift import markdown

    where = urls.markdown_link("Open the run in MLflow", urls.run_url(run_id))
    text = f"{markdown.reevaluation_page(found)}\n\n{where}"
    said = f"**{found.model}: {found.verdict}.** {escape_markdown(markdown.headline(found))}"
    prefect_artifacts.show_markdown(text, said, key="re-evaluation")


def show_failure(error: Exception, failed: StageResult | None) -> None:
    """Say which stage failed, why, and what to do, in the log and beside it.

    Args:
        error: What ended the run.
        failed: The stage that it came from; None where none had begun.
    """
    what = f"{failed.stage} failed" if failed else "Failed before the first stage"
    why, then = f"{type(error).__name__}: {error}", _RETRY_HINT
    if isinstance(error, InputError):
        why, then = str(error), _INPUT_HINT
    # The error itself, not its text: `input_errors` knows it by that.
    said = error if isinstance(error, InputError) else why
    get_run_logger().error("%s: %s. %s", what, said, then)
    address = urls.run_url(failed.run_id) if failed and failed.run_id else None
    where = f"\n\n{urls.markdown_link('Its run in MLflow', address)}" if address else ""
    text = f"**{what}.** {escape_markdown(why)}\n\n{then}{where}"
    prefect_artifacts.show_markdown(text, f"**{what}**")


def _waterfall_row(model: dict[str, Any]) -> dict[str, str]:
    from coldpress.report import formats

    low, high = formats.percent(model["accuracy_low"]), formats.percent(model["accuracy_high"])
    latency = "not timed" if model["p50_ms"] is None else f"{formats.short(model['p50_ms'])} ms"
    speed = [model[name] for name in ("speedup", "speedup_low", "speedup_high")]
    return {
        "model": model["model"],
        "accuracy": f"{formats.percent(model['accuracy'])} % ({low} to {high})",
        "size": formats.size(model["bytes"]),
        "median latency": latency,
        "smaller": f"{model['compression']:.1f}x",
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
