"""Entry point: prepares streams and signal handlers before the slow imports."""

from __future__ import annotations

from tasks.environment import deferred_signals, garbage_collector, streams


def main() -> None:
    """Run `coldpress`; Ctrl-C works even during the imports."""
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
    """Prepare streams and signal handlers, once per process."""
    if not deferred_signals.is_enabled():
        garbage_collector.pause()
        streams.prepare_streams()
        deferred_signals.enable()
