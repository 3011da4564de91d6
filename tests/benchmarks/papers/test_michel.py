from __future__ import annotations

import json

import michel
import script
import trials
from claim import Curve, Number
from coldpress.pruning.heads import Heads
from coldpress.pruning.pipeline import run_steps
from options import QUICK, Options


def test_a_quick_run_leaves_record_figure_and_table(quick: Options) -> None:
    claim = script.run(michel.SCRIPT, quick)
    (result,) = claim.results
    importance = result.curves["by importance"]
    assert importance.across == (0.0, 0.2, 0.4, 0.6, 0.8)
    assert importance.seeds[0][0] == result.curves["at random"].seeds[0][0]
    assert result.numbers["whole model"].seeds == (importance.seeds[0][0],)
    assert result.verdict.judgement in ("holds", "holds partly", "does not hold")
    written = json.loads((quick.written_to / "papers" / "michel.json").read_text())
    assert written["results"][0]["data"]["name"] == QUICK
    assert "Many heads are of no use" in (quick.written_to / "papers.md").read_text()
    assert (quick.written_to / "figures" / "michel.svg").stat().st_size > 0


def test_heads_go_as_the_method_takes_them(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare(QUICK, section, 0, quick.large_model(), quick.cache, True)
    step = Heads(method="heads", keep_heads=0.4, recovery_epochs=0)
    pressed = run_steps([step], trial.teacher, trial.recovery()).classifier
    found = michel.measure(trial).curves["by importance"][0.6]
    assert found == trial.accuracy(pressed, trial.test)


def numbers(few: float, many: float) -> dict[str, Number]:
    lost = {share: Number(unit="points", seeds=(x,)) for share, x in ((0.2, few), (0.4, many))}
    named = {michel.at(share): number for share, number in lost.items()}
    return {**named, michel.MOST: Number(unit="percent", seeds=(0.3,))}


def curves(importance: float, chance: float) -> dict[str, Curve]:
    scores = {"by importance": importance, "at random": chance}
    return {name: Curve(across=(0.5,), seeds=((score,),)) for name, score in scores.items()}


def test_the_verdict_follows_from_the_figures() -> None:
    judged = [
        michel.judge(numbers(-0.002, -0.004), curves(0.9, 0.8)).judgement,
        michel.judge(numbers(-0.002, -0.004), curves(0.8, 0.9)).judgement,
        michel.judge(numbers(-0.002, -0.04), curves(0.9, 0.8)).judgement,
        michel.judge(numbers(-0.02, -0.04), curves(0.9, 0.8)).judgement,
    ]
    assert judged == ["holds", "holds partly", "holds partly", "does not hold"]
