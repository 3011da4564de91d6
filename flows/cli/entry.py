"""Where the command begins: streams and signals are seen to before anything slow is imported."""

from __future__ import annotations

from tasks.environment import deferred_signals, streams


def main() -> None:
    """Run `coldpress`, from an import that Ctrl-C interrupts to the exit."""
    begin()
    try:
        from flows.cli import main as cli
    except BaseException:
        code = deferred_signals.exit_code()
        if code is None:
            raise
        deferred_signals.leave(code)
    cli.main()


def begin() -> None:
    """See to streams and signals; a second time changes nothing."""
    if not deferred_signals.are_handled():
        streams.prepare()
        deferred_signals.handle()
