"""Where the command begins: streams and signals are seen to before anything slow is imported."""

from __future__ import annotations

from tasks.environment import deferred_signals, streams


def main() -> None:
    """Run `coldpress`, from an import that Ctrl-C interrupts to the exit."""
    set_up_process()
    try:
        from flows.cli import main as cli
    except BaseException:
        code = deferred_signals.exit_code()
        if code is None:
            raise
        deferred_signals.exit_process(code)
    cli.main()


def set_up_process() -> None:
    """See to streams and signals; a second time changes nothing."""
    if not deferred_signals.is_enabled():
        streams.prepare_streams()
        deferred_signals.enable()
