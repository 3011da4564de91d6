"""Signals: the first ends the command in order, later ones do not touch the clean-up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from tasks.environment.deferred_signals import defer_during_calls, defer_signals

# Handlers that a background job of a shell ignores are restored first: pytest may be one.
BEGIN = """
import os, signal, sys, threading, time
# The suite may run with these ignored, as nohup and background jobs do.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from tasks.environment import deferred_signals
deferred_signals._CLEANUP_TIMEOUT = deferred_signals._FORCED_EXIT_DELAY = 1.0
deferred_signals.enable()
"""
TWICE = """
try:
    signal.raise_signal({number})
except KeyboardInterrupt:
    for _ in range(3):
        signal.raise_signal({number})
    print("cleaned up")
deferred_signals.exit_process(deferred_signals.exit_code() or 0)
"""
HANGING = """
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("went on", flush=True)
        time.sleep(60)
"""
DEFERRED_AND_HANGING = """
try:
    with deferred_signals.defer_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
finally:
    deferred_signals.exit_process(deferred_signals.exit_code() or 0)
"""
IGNORED = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
deferred_signals.reinstall_handlers()
signal.raise_signal(signal.SIGHUP)
with deferred_signals.defer_signals():
    signal.raise_signal(signal.SIGHUP)
print("goes on")
"""
FORKED = """
child = os.fork()
if child == 0:
    time.sleep(60)
os.kill(child, signal.SIGTERM)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
assert deferred_signals.exit_code() is None
time.sleep(3)
print("goes on")
"""
LEFT_BEHIND = """
threading.Thread(target=time.sleep, args=(60,)).start()
deferred_signals._EXIT_TIMEOUT = 1.0
deferred_signals.exit_process(7)
"""


def run(script: str, code: int) -> str:
    """Run a script, which must end before its sleeps do, and return its output."""
    process = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert process.returncode == code, process.stderr
    assert "Traceback" not in process.stderr
    return process.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_later_signals_do_not_touch_the_clean_up(number: signal.Signals) -> None:
    assert run(TWICE.format(number=int(number)), 128 + number) == "cleaned up\n"


def test_a_hanging_clean_up_is_interrupted_and_then_killed() -> None:
    assert run(HANGING, 130) == "went on\n"


def test_a_hanging_block_with_deferred_signals_is_interrupted() -> None:
    assert run(DEFERRED_AND_HANGING, 143) == ""


def test_an_ignored_signal_stays_ignored() -> None:
    assert run(IGNORED, 0) == "goes on\n"


def test_a_signal_to_a_forked_process_is_its_own() -> None:
    assert run(FORKED, 0) == "goes on\n"


def test_an_exit_that_waits_for_a_library_is_bounded() -> None:
    assert run(LEFT_BEHIND, 7) == ""


@pytest.fixture
def _ctrl_c_raises() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_an_interruption_waits_for_the_end_of_the_block() -> None:
    log = []
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        log.append("written")
    assert log == ["written"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_an_interruption_of_a_block_that_fails_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        raise ValueError


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_a_call_of_a_deferring_client_ends_before_the_interruption() -> None:
    class Client:
        kind = "SQLite"
        row: str = ""

        def write(self, row: str) -> None:
            signal.raise_signal(signal.SIGINT)
            self.row = row

    client = Client()
    with pytest.raises(KeyboardInterrupt):
        defer_during_calls(client).write("a row")
    assert (client.row, defer_during_calls(client).kind) == ("a row", "SQLite")


def test_without_an_interruption_the_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with defer_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_other_threads_are_not_affected() -> None:
    log = []

    def work() -> None:
        with defer_signals():
            log.append("written")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert log == ["written"]
