"""Signals: the first ends the command in order, later ones do not touch the clean-up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from tasks.environment.deferred_signals import defer_during_calls, defer_signals

# What a background job of a shell ignores is taken up again first: pytest may be one.
BEGIN = """
import os, signal, sys, threading, time
# Whoever runs the suite may have these ignored, as nohup and background jobs do.
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
STUCK = """
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
HELD_AND_STUCK = """
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
    """Run a script to its end, much sooner than anything in it sleeps, and return what it said."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_later_signals_do_not_touch_the_clean_up(number: signal.Signals) -> None:
    assert run(TWICE.format(number=int(number)), 128 + number) == "cleaned up\n"


def test_a_clean_up_that_is_stuck_is_interrupted_and_then_ended() -> None:
    assert run(STUCK, 130) == "went on\n"


def test_a_block_that_holds_signals_back_and_is_stuck_is_interrupted() -> None:
    assert run(HELD_AND_STUCK, 143) == ""


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
    done = []
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    assert done == ["written"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_an_interruption_of_a_block_that_fails_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), defer_signals():
        signal.raise_signal(signal.SIGINT)
        raise ValueError


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_a_call_of_an_uninterrupted_client_is_done_before_the_interruption_comes() -> None:
    class Client:
        kind = "SQLite"
        done: str = ""

        def write(self, what: str) -> None:
            signal.raise_signal(signal.SIGINT)
            self.done = what

    client = Client()
    with pytest.raises(KeyboardInterrupt):
        defer_during_calls(client).write("a row")
    assert (client.done, defer_during_calls(client).kind) == ("a row", "SQLite")


def test_without_an_interruption_nothing_comes_of_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with defer_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_is_let_be() -> None:
    done = []

    def work() -> None:
        with defer_signals():
            done.append("written")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["written"]
