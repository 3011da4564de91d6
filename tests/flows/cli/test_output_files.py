"""Output files: regular files are written atomically, devices and pipes directly."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldpress.errors import InputError
from flows.cli.output_files import (
    check_not_input,
    is_input,
    is_stream,
    validate_output_path,
    write_atomic,
)
from tasks.environment.streams import OutputError
from tests.support.acceptance import does_not_raise

SCRIPT = """
import sys
from pathlib import Path
from flows.cli.output_files import validate_output_path, write_atomic
print("before")
write_atomic(validate_output_path(Path(sys.argv[1]), "--out"), "whole\\n")
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that has nothing to do with what is written."""
    monkeypatch.setenv("COLDPRESS_HOME", str(tmp_path / "home"))


def write(path: Path, text: str) -> None:
    write_atomic(validate_output_path(path, "--out"), text)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """An inherited pipe, as `>(command)` of a shell gives one."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_a_terminal_is_written_to(tmp_path: Path) -> None:
    above, below = os.openpty()
    path = Path(os.ttyname(below))
    assert is_stream(path)
    write(path, "shown\n")
    assert os.read(above, 100) == b"shown\r\n"
    assert path.is_char_device()
    os.close(above)
    os.close(below)


def test_a_named_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    texts: list[str] = []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: texts.append(path.read_text()))
    reader.start()
    write(path, "through")
    reader.join()
    assert texts == ["through"]
    assert path.is_fifo()


@pytest.mark.parametrize("place", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_an_inherited_descriptor_is_written_to(pipe: tuple[int, int], place: str) -> None:
    write(Path(place.format(pipe[1])), "through")
    assert os.read(pipe[0], 100) == b"through"


def test_a_link_to_a_descriptor_is_one(pipe: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(f"/dev/fd/{pipe[1]}")
    write(tmp_path / "out", "through")
    assert os.read(pipe[0], 100) == b"through"
    assert (tmp_path / "out").is_symlink()


def test_descriptors_that_are_not_for_it_are_refused(pipe: tuple[int, int]) -> None:
    """One that is read from, one that is not open, and one of this process's own files."""
    own = os.dup(pipe[1])
    for number in (pipe[0], 4095, own):
        with pytest.raises(InputError, match=f"^--out: /dev/fd/{number} is not open for writing$"):
            validate_output_path(Path(f"/dev/fd/{number}"), "--out")
    os.close(own)


def test_a_log_that_standard_output_is_appended_to_keeps_what_it_has(tmp_path: Path) -> None:
    log = tmp_path / "history.log"
    log.write_text("kept\n")
    with log.open("a") as file:
        subprocess.run([sys.executable, "-c", SCRIPT, "/dev/stdout"], stdout=file, check=True)
    assert log.read_text() == "kept\nbefore\nwhole\n"


def test_a_pipe_closed_by_its_reader_is_no_error(pipe: tuple[int, int]) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"unread")
    with does_not_raise():
        write(Path(f"/dev/fd/{writing}"), "unread")
    os.close(writing)


def test_a_failed_write_is_reported_in_one_line() -> None:
    with pytest.raises(OutputError) as error:
        write(Path("/dev/full"), "too much")
    assert str(error.value) == "/dev/full: No space left on device"


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    write(tmp_path / "link", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write(tmp_path / "link", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "new", "text")
        (tmp_path / "old").write_text("old")
        (tmp_path / "old").chmod(0o640)
        write(tmp_path / "old", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640


def test_an_impossible_path_is_refused(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path, f"{tmp_path} is a folder"),
        (tmp_path / "none" / "file", f"no folder {tmp_path}/none"),
        (tmp_path / "a" / "\0", "embedded null byte"),
        (Path("/proc/file"), "cannot create a file in /proc"),
        (tmp_path / "home" / "mlflow.db", "is one of Coldpress's own files"),
    ):
        (tmp_path / "home").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=r"^--out: ") as error:
            validate_output_path(path, "--out")
        assert reason in str(error.value)
    assert validate_output_path(tmp_path / "home" / "outcome.json", "--out").name == "outcome.json"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o444)
    with pytest.raises(InputError, match="is not writable"):
        validate_output_path(tmp_path / "file", "--out")


def test_no_input_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("text,label\n")
    (tmp_path / "link").symlink_to("data/train.csv")
    inputs = [tmp_path / "gone", tmp_path / "data"]
    assert is_input(tmp_path / "data" / "train.csv", inputs)
    assert not is_input(tmp_path / "outcome.json", inputs)
    check_not_input(None, inputs, "--json")
    with pytest.raises(InputError, match=r"^--json: .* is an input, and would be overwritten$"):
        check_not_input(validate_output_path(tmp_path / "link", "--json"), inputs, "--json")
