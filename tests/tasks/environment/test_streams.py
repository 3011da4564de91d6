"""Standard streams: a closed pipe is no error; output that cannot be written is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLDPRESS = [sys.executable, "-m", "flows.cli"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Environment with an empty home; `flows` is imported from this repository."""
    root = str(Path(__file__).parents[3])
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return {**variables, "COLDPRESS_HOME": str(tmp_path / "home"), "PYTHONPATH": root}


def broken_pipe() -> int:
    """Return the write end of a pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("words", [["recipes"], ["--help"], ["gc", "--dry-run"], ["--version"]])
@pytest.mark.parametrize("also", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_a_reader_that_closes_the_pipe_is_no_error(
    words: list[str], also: dict[str, str], environment: dict[str, str]
) -> None:
    output = broken_pipe()
    process = subprocess.run(
        [*COLDPRESS, *words],
        env={**environment, **also},
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(output)
    assert (process.returncode, process.stderr) == (0, b"")


def test_a_full_disk_is_reported_in_one_line(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [*COLDPRESS, "recipes"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == "coldpress: standard output: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_replaced(
    closed: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """Otherwise the next opened file takes their descriptor and receives the output."""
    script = f'exec "$@" {closed}'
    listing = subprocess.run(
        ["sh", "-c", script, "sh", *COLDPRESS, "recipes"], env=environment, check=False
    )
    check = subprocess.run(
        ["sh", "-c", script, "sh", *COLDPRESS, "check", "./none.yaml"], env=environment, check=False
    )
    assert (listing.returncode, check.returncode) == (0, 2)


@pytest.mark.parametrize(
    "also",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
    ],
)
def test_output_and_arguments_are_utf_8_in_every_locale(
    also: dict[str, str], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "größe.yaml").write_text("# Drückt 日本.\n", encoding="utf-8")
    listed, check = (
        subprocess.run(
            [*COLDPRESS, *words],
            cwd=tmp_path,
            env={**environment, **also},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        for words in (["recipes"], ["check", "./größe?.yaml"])
    )
    assert "größe" in listed.stdout
    assert "日本" in listed.stdout
    assert check.stderr.startswith("coldpress: ")
    assert "größe?.yaml" in check.stderr
    assert (listed.returncode, check.returncode) == (0, 2)


def test_a_log_is_followed_until_the_pipe_is_closed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    logs = tmp_path / "home" / "stack" / "logs"
    logs.mkdir(parents=True)
    (logs / "mlflow.log").write_text("one\ntwo\n")
    following = subprocess.Popen(
        [*COLDPRESS, "logs", "mlflow", "--follow"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert following.stdout is not None
    assert following.stdout.readline() == b"one\n"
    following.stdout.close()
    assert following.stderr is not None
    assert following.stderr.read() == b""
    assert following.wait(timeout=120) == 0
