"""Reports and model cards, taken out of the tracking store: neither needs Prefect nor torch."""

from __future__ import annotations

from pathlib import Path

from flows.cli.output_files import is_stream, validate_output_path, write_atomic
from tasks.tracking import registry, reports


def write_report(model: str, out: Path | None) -> str:
    """Write the report of a version to a file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: Where to; `<name>-<version>.html` in the working directory when not given.

    Returns:
        What to print: where it is, or nothing where it went to a terminal or pipe.

    Raises:
        InputError: There is no such version, it has no report, or the file cannot be written.
    """
    given = None if out is None else validate_output_path(out, "--out")
    version = registry.resolve(model)
    target = given or validate_output_path(Path(f"{version.name}-{version.version}.html"), "--out")
    write_atomic(target, reports.load_document(version, reports.REPORT))
    return _path_to_print(target)


def card(model: str, out: Path | None) -> str:
    """Return the model card of a version, or write it to a file.

    Args:
        model: `name`, `name@alias` or `name/version`.
        out: Where to; nowhere when not given.

    Returns:
        What to print: the card, or where it is, or nothing where it went to a terminal or pipe.

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
