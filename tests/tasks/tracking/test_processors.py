"""Which version is pulled where several were evaluated on different processors."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from coldpress import cpu
from flows.cli.predict import pull_model
from tasks.tracking import registry
from tasks.tracking.processors import record_processors, resolve_for_this_processor
from tests.support import registered_models

ELSEWHERE = "Neoverse-N1"
HERE = cpu.processor_name()


def versions(tmp_path: Path, *processors: str) -> None:
    """Register one version of `trec` for each; empty: none is recorded."""
    for number, processor in enumerate(processors, start=1):
        registered_models.version(tmp_path)
        if processor:
            record_processors(f"trec/{number}", processor.split(" and "))


def chosen(reference: str, caplog: pytest.LogCaptureFixture) -> tuple[str, list[str]]:
    """The version that a reference means here, and the warnings."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        version = resolve_for_this_processor(reference)
    return str(version.version), [record.getMessage() for record in caplog.records]


def test_the_newest_version_of_this_processor_is_chosen(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    versions(tmp_path, HERE, f"{ELSEWHERE} and {HERE}", ELSEWHERE)
    assert chosen("trec", caplog) == (
        "2",
        ["trec/3 was evaluated on Neoverse-N1; using trec/2, evaluated on this processor"],
    )


def test_a_version_of_another_processor_is_used_with_a_warning_if_it_is_asked_for(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    versions(tmp_path, HERE, ELSEWHERE)
    warning = f"trec/2 was evaluated on Neoverse-N1, not on {HERE}"
    assert chosen("trec/2", caplog) == ("2", [warning])
    assert chosen("trec/1", caplog) == ("1", [])


def test_the_newest_is_used_with_a_warning_if_there_is_none_of_this_processor(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    versions(tmp_path, "", ELSEWHERE)
    assert chosen("trec", caplog) == ("2", [f"trec/2 was evaluated on Neoverse-N1, not on {HERE}"])


def test_versions_of_earlier_releases_do_not_warn(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    versions(tmp_path, HERE, "")
    assert chosen("trec", caplog) == ("2", [])


def test_pull_copies_the_version_of_this_processor(state: Path, tmp_path: Path) -> None:
    versions(tmp_path, HERE, ELSEWHERE)
    pull_model("trec", tmp_path / "served")
    assert (tmp_path / "served" / "model.onnx").read_text().startswith("trec ")
    expected = registry.resolve("trec/1").tags["digest"]
    from coldpress.model.checkpoint import Checkpoint

    (tmp_path / "checked").mkdir()
    for name in ("model.onnx", "coldpress.json"):
        (tmp_path / "checked" / name).write_bytes((tmp_path / "served" / name).read_bytes())
    assert Checkpoint.open(tmp_path / "checked").digest == expected
