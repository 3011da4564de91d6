"""Where the command begins: signals are handled before anything slow is imported."""

from __future__ import annotations

from flows import streams
from tasks import interruptions


def main() -> None:
    """Run `coldpress`, from an import that Ctrl-C interrupts to the exit."""
    streams.prepare()
    interruptions.handle()
    try:
        from flows import cli
    except BaseException:
        if interruptions.exit_code() is None:
            raise
        interruptions.leave(interruptions.exit_code() or 0)
    cli.main()


if __name__ == "__main__":
    main()
