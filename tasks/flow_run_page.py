"""What the page of a flow run shows in Prefect: where to go on, what was found, why it failed.

Descriptions stand on the page itself, in one line; what an artifact holds is a click away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from coldpress.errors import InputError
from coldpress.gate.verdict import Check
from coldpress.markdown import as_text
from coldpress.report import formats
from tasks import addresses
from tasks.published import REPORT

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard import Evaluation
    from coldpress.gate.verdict import Verdict
    from tasks.results import StageResult

_FIGURES = ("waterfall", "equity")
_RETRY = "Retry goes on here: finished stages are reused. The traceback is in the log."
_OTHER_INPUT = "Start another run with this put right; finished stages are reused."


def lead_to_run(run_id: str) -> None:
    """Lead to the chain's run in MLflow, from its start on."""
    address = addresses.run(run_id)
    words = addresses.link("Open the run in MLflow", address)
    held = words if address else addresses.page(run_id)
    create_markdown_artifact(held, key="mlflow-run", description=words)


def show_evaluation(evaluation: Evaluation, uri: str) -> None:
    """Show what each stage gave and took, as a table, and its figures where MLflow serves them.

    Args:
        evaluation: Of this run, or taken over from another.
        uri: Where it is kept: `runs:/<run id>/<folder>`.
    """
    from coldpress.evaluation import waterfall

    rows = [_row(row) for row in waterfall.table(evaluation)]
    said = "What each stage gave and took"
    create_table_artifact(rows, key="waterfall", description=said)
    run_id, _, folder = uri.removeprefix("runs:/").partition("/")
    for name in _FIGURES:
        address = addresses.file(run_id, f"{folder}/{name}.png")
        if address:
            picture = f"![{name}]({address})"
            create_markdown_artifact(picture, key=f"{name}-figure", description=picture)


def show_verdict(verdict: Verdict) -> None:
    """Show every check of the gate, with its sentence."""
    said = "Passed the gate" if verdict.passed else "**Refused by the gate**"
    checks = [_check(check) for check in verdict.checks]
    create_table_artifact(checks, key="gate", description=said)


def show_report(said: str, registered: str, run_id: str) -> None:
    """Lead to the report and to the registered model.

    Args:
        said: The verdict and the headline.
        registered: `name/version` of the deployable model.
        run_id: The chain's run, which keeps the report.
    """
    run, model = addresses.run(run_id), addresses.link(registered, addresses.version(registered))
    report = f"`coldpress report {registered}` writes the report to a file."
    if run:
        report = f"[Report]({run}/artifacts/{REPORT}) and model card, in MLflow."
    text = f"{said}\n\nModel: {model}. {report}"
    create_markdown_artifact(text, key="report", description=f"Model: {model}")


def explain(error: Exception, failed: StageResult | None) -> None:
    """Say which stage failed, why, and what to do, in the log and beside it.

    Args:
        error: What ended the run.
        failed: The stage that it came from; None where none had begun.
    """
    what = f"{failed.stage} failed" if failed else "Failed before the first stage"
    why, then = f"{type(error).__name__}: {error}", _RETRY
    if isinstance(error, InputError):
        why, then = str(error), _OTHER_INPUT
    get_run_logger().error("%s: %s. %s", what, why, then)
    address = addresses.run(failed.run_id) if failed and failed.run_id else None
    where = f"\n\n{addresses.link('Its run in MLflow', address)}" if address else ""
    text = f"**{what}.** {as_text(why)}\n\n{then}{where}"
    create_markdown_artifact(text, key="failure", description=f"**{what}**")


def _row(model: dict[str, Any]) -> dict[str, str]:
    low, high = formats.percent(model["accuracy_low"]), formats.percent(model["accuracy_high"])
    latency = "not timed" if model["p50_ms"] is None else f"{formats.short(model['p50_ms'])} ms"
    gained = {"smaller": model["compression"], "faster": model["speedup"]}
    return {
        "model": model["model"],
        "accuracy": f"{formats.percent(model['accuracy'])} % ({low} to {high})",
        "size": formats.size(model["bytes"]),
        "median latency": latency,
        **{name: "" if gain is None else f"{gain:.1f}x" for name, gain in gained.items()},
    }


def _check(check: Check) -> dict[str, str]:
    return {
        "check": check.name,
        "verdict": "passed" if check.passed else "refused",
        "value": "not known" if check.value is None else formats.short(check.value),
        "bound": formats.short(check.bound),
        "in words": check.sentence,
    }
