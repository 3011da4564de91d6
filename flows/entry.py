"""Where the command begins: streams and signals are seen to before anything slow is imported."""

from __future__ import annotations

from flows import streams
from tasks import interruptions


def main() -> None:
    """Run `coldpress`, from an import that Ctrl-C interrupts to the exit."""
    begin()
    try:
        from flows import cli
    except BaseException:
        code = interruptions.exit_code()
        if code is None:
            raise
        interruptions.leave(code)
    cli.main()


def begin() -> None:
    """See to streams and signals; a second time changes nothing."""
    if not interruptions.are_handled():
        streams.prepare()
        interruptions.handle()


if __name__ == "__main__":
    main()
