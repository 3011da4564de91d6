from __future__ import annotations

import json

import michel
import script
import trials
from claim import Curve, Number
from coldpress.pruning.heads import Heads
from coldpress.pruning.pipeline import run_steps
from options import QUICK, Options


def test_a_quick_run_writes_record_figure_and_table(quick: Options) -> None:
    claim = script.run(michel.SCRIPT, quick)
    (result,) = claim.results
    importance = result.curves["by importance"]
    assert importance.across == (0.0, 0.2, 0.4, 0.6, 0.8)
    assert importance.seeds[0][0] == result.curves["at random"].seeds[0][0]
    assert result.numbers["whole model"].seeds == (importance.seeds[0][0],)
    assert result.verdict.judgement in ("holds", "holds partly", "does not hold")
    record = json.loads((quick.output_dir / "papers" / "michel.json").read_text())
    assert record["results"][0]["data"]["name"] == QUICK
    assert "Many heads are redundant" in (quick.output_dir / "papers.md").read_text()
    assert (quick.output_dir / "figures" / "michel.svg").stat().st_size > 0


def test_heads_are_pruned_as_by_the_method(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
    step = Heads(method="heads", keep_heads=0.4, recovery_epochs=0)
    model = run_steps([step], trial.teacher, trial.pruning_context()).classifier
    accuracy = michel.measure(trial).curves["by importance"][0.6]
    assert accuracy == trial.accuracy(model, trial.test)


def numbers(few: float, many: float) -> dict[str, Number]:
    losses = {share: Number(unit="points", seeds=(x,)) for share, x in ((0.2, few), (0.4, many))}
    numbers = {michel.change_name(share): number for share, number in losses.items()}
    return {**numbers, michel.MOST: Number(unit="percent", seeds=(0.3,))}


def curves(importance: float, chance: float) -> dict[str, Curve]:
    scores = {"by importance": importance, "at random": chance}
    return {name: Curve(across=(0.5,), seeds=((score,),)) for name, score in scores.items()}


def test_the_verdict_follows_from_the_figures() -> None:
    judgements = [
        michel.judge(numbers(-0.002, -0.004), curves(0.9, 0.8)).judgement,
        michel.judge(numbers(-0.002, -0.004), curves(0.8, 0.9)).judgement,
        michel.judge(numbers(-0.002, -0.04), curves(0.9, 0.8)).judgement,
        michel.judge(numbers(-0.02, -0.04), curves(0.9, 0.8)).judgement,
    ]
    assert judgements == ["holds", "holds partly", "holds partly", "does not hold"]
