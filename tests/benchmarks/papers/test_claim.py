from __future__ import annotations

from pathlib import Path

import figure
import table
from claim import (
    Claim,
    Curve,
    Data,
    Number,
    Paper,
    Result,
    Verdict,
    format_number,
    read_records,
    write_record,
)
from coldpress.report.formats import MINUS


def claim(judgement: str = "holds") -> Claim:
    return Claim(
        paper=Paper(
            name="somebody",
            title="Half is enough",
            source="Somebody 2019, section 4",
            claim="Half of it is enough.",
            figure="97 %",
            across="removed",
            setting="Two halves were compared.",
        ),
        results=(
            Result(
                data=Data(name="trec", train=90, validation=10, test=20, test_digest="abc"),
                teachers=("d1", "d2"),
                numbers={
                    "share kept": Number(
                        unit="percent",
                        paper="97 %",
                        seeds=(0.9, 1.0),
                        low=(0.85, 0.95),
                        high=(0.94, 1.0),
                    )
                },
                curves={"by size": Curve(across=(0.0, 0.5), seeds=((1.0, 0.5), (0.8, 0.7)))},
                verdict=Verdict.model_validate({"judgement": judgement, "reason": "It is."}),
                seconds=30.0,
            ),
        ),
        seeds=(0, 1),
        command="python benchmarks/papers/somebody.py --teacher MODEL",
        conditions={"threads": "2"},
    )


def test_mean_and_standard_deviation_over_the_seeds() -> None:
    number = Number(unit="percent", seeds=(0.9, 0.92, 1.0))
    # Deviations of -0.04, -0.02 and 0.06 from 0.94: variance 0.0056 / 2.
    assert str(number) == "94.0 ± 5.3 %"
    assert str(Number(unit="times", seeds=(1.6,))) == "1.60x"


def test_differences_have_a_sign() -> None:
    assert format_number("points", -0.012, 0.004) == f"{MINUS}1.2 ± 0.4 points"
    assert format_number("points", 0.012, None) == "+1.2 points"


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(claim(), tmp_path)
    assert read_records(tmp_path) == [claim()]
    assert [path.name for path in (tmp_path / "papers").iterdir()] == ["somebody.json"]


def test_what_a_killed_script_left_is_not_in_the_way_of_a_record(tmp_path: Path) -> None:
    """Each writer has a temporary file of its own."""
    (tmp_path / "papers" / ".somebody.json").mkdir(parents=True)
    write_record(claim(), tmp_path)
    assert (tmp_path / "papers" / "somebody.json").is_file()


def test_the_table_is_rendered_from_the_records(tmp_path: Path) -> None:
    write_record(claim("does not hold"), tmp_path)
    table.write(tmp_path)
    page = (tmp_path / "papers.md").read_text()
    assert "| trec, 20 rows | 97 % | share kept 95.0 ± 7.1 % | does not hold |" in page
    assert "| share kept | 97 % | 95.0 ± 7.1 % | 90.0 % (85.0 % to 94.0 %); 100.0 %" in page
    assert "| removed, % | 0 | 50 |\n|---|---|---|\n| by size | 90.0 ± 14.1 | 60.0 ± 14.1 |" in page
    assert "python benchmarks/papers/somebody.py --teacher MODEL" in page


def test_equal_records_give_equal_figures(tmp_path: Path) -> None:
    figures = [figure.draw(claim(), tmp_path / folder) for folder in ("one", "other")]
    first, second = (path.read_bytes() for path in figures if path)
    assert first == second
    assert b"<svg" in first
