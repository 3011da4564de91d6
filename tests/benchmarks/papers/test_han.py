from __future__ import annotations

import han
import script
from claim import Number
from options import Options


def test_a_quick_run_compares_both_ways(quick: Options) -> None:
    claim = script.run(han.SCRIPT, quick)
    (result,) = claim.results
    assert set(result.numbers) == {"whole model", han.at("at once"), han.at("little by little")}
    assert f"({claim.paper.source})" in (quick.written_to / "papers.md").read_text()
    assert not (quick.written_to / "figures").exists()


def judged(slow: float, sudden: float) -> str:
    losses = {"little by little": slow, "at once": sudden}
    numbers = {han.at(way): Number(unit="points", seeds=(x,)) for way, x in losses.items()}
    return han.judge(numbers, {}).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judged(-0.005, -0.03) == "holds"
    assert judged(-0.02, -0.03) == judged(-0.005, -0.001) == "holds partly"
    assert judged(-0.03, -0.02) == "does not hold"
