from __future__ import annotations

import cofi
import script
from claim import Number
from options import Options
from xia import COFI, IMPORTANCE


def test_a_quick_run_compares_both_methods(quick: Options) -> None:
    (result,) = script.run(cofi.SCRIPT, quick).results
    pairs = [
        cofi.accuracy_name(name, epochs) for epochs in cofi.EPOCHS for name in (COFI, IMPORTANCE)
    ]
    assert set(result.numbers) == {"whole model", *pairs}


def judgement(cofi_scores: tuple[float, float], importance_scores: tuple[float, float]) -> str:
    scores = {COFI: cofi_scores, IMPORTANCE: importance_scores}
    numbers = {
        cofi.accuracy_name(name, epochs): Number(unit="percent", seeds=(score,))
        for name, pair in scores.items()
        for epochs, score in zip(cofi.EPOCHS, pair, strict=True)
    }
    return cofi.judge(numbers, {}).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement((0.87, 0.92), (0.90, 0.91)) == "holds"
    # It gains more but stays behind; it is ahead but gains less.
    assert judgement((0.85, 0.89), (0.90, 0.91)) == "holds partly"
    assert judgement((0.91, 0.92), (0.85, 0.91)) == "holds partly"
    assert judgement((0.88, 0.87), (0.90, 0.91)) == "does not hold"
