from __future__ import annotations

import han
import script
from claim import Number
from options import Options


def test_a_quick_run_compares_both_schedules(quick: Options) -> None:
    claim = script.run(han.SCRIPT, quick)
    (result,) = claim.results
    assert set(result.numbers) == {
        "whole model",
        han.change_name("at once"),
        han.change_name("little by little"),
    }
    assert f"({claim.paper.source})" in (quick.output_dir / "papers.md").read_text()
    assert not (quick.output_dir / "figures").exists()


def judgement(gradual: float, one_shot: float) -> str:
    losses = {"little by little": gradual, "at once": one_shot}
    numbers = {
        han.change_name(schedule): Number(unit="points", seeds=(x,))
        for schedule, x in losses.items()
    }
    return han.judge(numbers, {}).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement(-0.005, -0.03) == "holds"
    assert judgement(-0.02, -0.03) == judgement(-0.005, -0.001) == "holds partly"
    assert judgement(-0.03, -0.02) == "does not hold"
