"""Apply the gate to the final model and record the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from coldpress.evaluation import predictions
from coldpress.evaluation.scorecard.processor import evaluated_on
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.gate import markdown
from coldpress.gate.champion import Champion
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Verdict, join_verdicts
from coldpress.model.checkpoint import Checkpoint
from tasks.environment import home
from tasks.execution import flow_run_page, pipeline_run
from tasks.promotion import compare_champion, version_identity
from tasks.tracking import artifacts, registry, runs
from tasks.tracking.results import StageResult
from tasks.tracking.verdicts import VERDICT_FILE

if TYPE_CHECKING:
    from coldpress.gate import Gate
    from coldpress.recipe.recipe import Recipe
    from tasks.execution.pipeline_run import PipelineRun


@task(name="gate", cache_policy=NO_CACHE)
def apply_gate(
    run: PipelineRun, final: StageResult, evaluations: Sequence[StageResult]
) -> Verdict | None:
    """Decide whether the final model may be promoted; never reused from an earlier run.

    With evaluations on several processors, the gate must hold on each.
    """
    recipe = run.recipe
    if recipe.gate is None:
        return None
    verdicts: dict[str, Verdict] = {}
    for evaluation in {result.digest: result for result in evaluations}.values():
        processor, verdict = _judge(run.recipe, recipe.gate, final, evaluation)
        number = f" ({len(verdicts) + 1})" if processor in verdicts else ""
        verdicts[processor + number] = verdict
    joined = join_verdicts(verdicts)
    pipeline_run.check_not_deleted(run)
    _record_verdict(joined, final, run)
    return joined


def _judge(
    recipe: Recipe, gate: Gate, final: StageResult, evaluation: StageResult
) -> tuple[str, Verdict]:
    """Return the processor of an evaluation, and the verdict on it."""
    with artifacts.open_checkpoint(evaluation.model_uri or "") as checkpoint:
        scorecards = Evaluation.read(checkpoint.path)
        comparison = _compare_with_champion(recipe, final, checkpoint)
    parity = None if recipe.export is None else final.metrics
    verdict = run_checks(gate, scorecards, parity, comparison)
    return evaluated_on(scorecards), verdict


def final_state(verdict: Verdict | None, result: StageResult) -> State[StageResult]:
    """Return the flow run's final state: completed, named `Refused` if the gate refused.

    Args:
        verdict: None if the recipe has no gate.
        result: Return value of the flow in both cases.

    Returns:
        A completed state.
    """
    if verdict is None or verdict.passed:
        return Completed(data=result)
    reason = next(check.sentence for check in verdict.checks if not check.passed)
    return Completed(name="Refused", message=reason, data=result)


def _compare_with_champion(
    recipe: Recipe, final: StageResult, evaluation: Checkpoint
) -> Champion | None:
    """Compare with the champion only if the gate asks for it: this may run its model."""
    if recipe.gate is None or recipe.gate.max_champion_drop is None:
        return None
    return compare_champion.compare_with_champion(
        recipe, final, predictions.read_predictions(evaluation.path)
    )


def _record_verdict(verdict: Verdict, final: StageResult, run: PipelineRun) -> None:
    flow_run_page.show_verdict(verdict)
    tags = _verdict_tags(verdict, run)
    page = markdown.verdict_page(verdict)
    version_identity.check_unchanged(final.registered or "", final.digest)
    registry.record_verdict(final.registered or "", tags, page, verdict.passed)
    with home.workspace() as directory:
        (directory / VERDICT_FILE).write_text(
            verdict.model_dump_json(indent=2) + "\n", encoding="utf-8"
        )
        runs.log_file(run.run_id, directory / VERDICT_FILE)
    runs.log_metrics(run.run_id, _gate_metrics(verdict), {"gate": _outcome(verdict)})


def _gate_metrics(verdict: Verdict) -> dict[str, float]:
    """Return the values by check; those of a second processor, if there is one, end in `.2`."""
    processors = list(dict.fromkeys(check.processor for check in verdict.checks))
    metrics = {}
    for check in verdict.checks:
        place = processors.index(check.processor)
        if check.value is not None:
            metrics[f"gate.{check.name}" + (f".{place + 1}" if place else "")] = check.value
    return metrics


def _verdict_tags(verdict: Verdict, run: PipelineRun) -> dict[str, str]:
    """Tags of the version; `gate` comes last, so that it is set only if the others are."""
    return {
        "gate.reasons": markdown.failed_sentences(verdict),
        "gate.flow_run_id": run.tags["flow_run_id"],
        "gate": _outcome(verdict),
    }


def _outcome(verdict: Verdict) -> str:
    return "passed" if verdict.passed else "refused"
