"""Output of a run on a busy machine."""

from __future__ import annotations

import pytest

from coldpress.evaluation.scorecard.base import Bounds
from coldpress.evaluation.scorecard.scorecard import Evaluation
from flows.cli import outcome
from tests.support import examples


def printed(
    evaluation: Evaluation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """All that is shown, on one line."""
    monkeypatch.setenv("COLUMNS", "200")
    outcome.print_outcome(
        {"stages": [], "evaluation": evaluation.model_dump(mode="json"), "gate": None}
    )
    return " ".join(capsys.readouterr().out.split())


def test_speedups_are_printed_with_their_interval_and_a_busy_machine_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(examples.busy(Bounds(low=8.0, high=26.0)).evaluation, capsys, monkeypatch)
    assert "0.31 ms 20.0x (8.0 to 26.0) 99.6%" in text
    assert "The machine was busy while models were timed: other processes used 98% of" in text


def test_an_undetermined_speedup_is_printed_as_such(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(examples.busy(None).evaluation, capsys, monkeypatch)
    assert "0.31 ms not determined 99.6%" in text
    assert "The speed-up could not be determined: its interval would span a factor of" in text


def test_a_quiet_machine_is_not_worth_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "busy" not in printed(examples.evaluation(), capsys, monkeypatch)
