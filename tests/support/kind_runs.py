"""What tiny runs of all task kinds have in common: a report, a champion, a pulled folder."""

from __future__ import annotations

from tests.support.command import Coldpress


def report_page(coldpress: Coldpress, model: str) -> str:
    """Write the report of a model, and return its HTML."""
    report = coldpress("report", model, "--out", "report.html")
    assert report.code == 0, report.error
    return (coldpress.home / "report.html").read_text()


def champion_sentence(coldpress: Coldpress, name: str, change: str) -> str:
    """Promote version 1, run the tiny recipe changed after its soft targets, and compare.

    Returns:
        The gate's sentence on the loss against the champion.
    """
    assert coldpress("promote", f"{name}/1", "--reason", "first").code == 0
    again = coldpress.run_tiny("--set", change)
    assert [stage["status"] for stage in again["stages"][:2]] == ["reused", "reused"]
    check = next(c for c in again["gate"]["checks"] if c["name"] == "max_champion_drop")
    return str(check["sentence"])


def pull_champion(coldpress: Coldpress, name: str) -> None:
    """Pull the champion, whose folder then has a predictor."""
    pulled = coldpress("pull", f"{name}@champion", "pulled")
    assert pulled.code == 0, pulled.error
    assert (coldpress.home / "pulled" / "predictor.py").exists()
