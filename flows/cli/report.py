"""`coldpress report` and `coldpress card`: read both from the tracking store."""

from __future__ import annotations

from pathlib import Path

from flows.cli.output_files import is_stream, validate_output_path, write_atomic
from tasks.tracking import registry, reports


def write_report(model: str, out: Path | None) -> str:
    """Write the report of a version to a file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: The file; default: `<name>-<version>.html` in the working directory.

    Returns:
        What to print: the file's path, or "" if `out` is a terminal or pipe.

    Raises:
        InputError: There is no such version, it has no report, or the file cannot be written.
    """
    target = None if out is None else validate_output_path(out, "--out")
    version = registry.resolve(model)
    if target is None:
        target = validate_output_path(Path(f"{version.name}-{version.version}.html"), "--out")
    write_atomic(target, reports.load_document(version, reports.REPORT))
    return _path_to_print(target)


def card(model: str, out: Path | None) -> str:
    """Return the model card of a version, or write it to a file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: The file; None to return the card instead.

    Returns:
        What to print: the card, the file's path, or "" if `out` is a terminal or pipe.

    Raises:
        InputError: There is no such version, it has no card, or the file cannot be written.
    """
    target = None if out is None else validate_output_path(out, "--out")
    text = reports.load_document(registry.resolve(model), reports.CARD)
    if target is None:
        return text.rstrip()
    write_atomic(target, text)
    return _path_to_print(target)


def _path_to_print(target: Path) -> str:
    return "" if is_stream(target) else str(target)
