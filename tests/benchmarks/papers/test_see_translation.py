from __future__ import annotations

import json
from pathlib import Path

import pytest

import see_translation
from claim import Curve, Number
from coldpress.errors import InputError
from see_translation import Options


def test_a_quick_run_writes_record_figure_and_table(tmp_path: Path) -> None:
    options = Options(quick=True, docs=tmp_path)
    claim = see_translation.run(options)
    (result,) = claim.results
    blind, again = result.curves["class-blind"], result.curves["class-blind, retrained"]
    assert blind.across == (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    assert again.across == (0.0, 0.6, 0.8, 0.9)
    assert result.numbers["BLEU of the whole model"].seeds == (blind.seeds[0][0],)
    assert result.data.test == 40
    record = json.loads((tmp_path / "papers" / "see_translation.json").read_text())
    assert record["paper"]["score"] == "BLEU"
    assert "Most weights of a translation model" in (tmp_path / "papers.md").read_text()
    assert "BLEU on test rows" in (tmp_path / "figures" / "see_translation.svg").read_text()


def numbers(bare: float, retrained: float) -> dict[str, Number]:
    return {
        see_translation.change_name("class-blind", 0.4): Number(unit="points", seeds=(bare,)),
        see_translation.change_name("class-blind, retrained", 0.8): Number(
            unit="points", seeds=(retrained,)
        ),
        see_translation.sparsity_name("class-blind"): Number(unit="percent", seeds=(0.4,)),
        see_translation.sparsity_name("class-blind, retrained"): Number(
            unit="percent", seeds=(0.8,)
        ),
    }


def test_the_verdict_follows_from_the_figures() -> None:
    curves = {"class-blind": Curve(across=(0.0, 0.4), seeds=((0.33, 0.32),))}
    judgements = [
        see_translation.judge(numbers(bare, retrained), curves).judgement
        for bare, retrained in ((-0.002, -0.004), (-0.002, -0.02), (-0.02, -0.02))
    ]
    assert judgements == ["holds", "holds partly", "does not hold"]
    assert "class-blind 32.0 %" in see_translation.judge(numbers(0, 0), curves).reason


@pytest.mark.parametrize("data", [None, "multi30k", "multi30k=train,test"])
def test_data_without_three_files_is_refused(data: str | None) -> None:
    with pytest.raises(InputError, match="is not NAME=TRAIN,VALIDATION,TEST"):
        Options(data=data).corpus()
