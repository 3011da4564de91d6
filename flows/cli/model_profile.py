"""Tables of `coldpress profile`: an exported model's time by number of tokens and by operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.cli.output_files import check_not_input, is_stream, validate_output_path, write_atomic
from tasks.tracking.deployable import find_version, open_deployable
from tasks.tracking.pulled_folder import find_folder

if TYPE_CHECKING:
    from coldpress.onnx.profiling.profile import LengthProfile, Profile

_SHORT_TEXT = 16
"""Tokens of the text whose operators are printed beside those of the longest text."""


def print_profile(model: str, report: Path | None) -> None:
    """Measure a model's profile, print it, and write it to a file.

    Args:
        model: `name`, `name@alias`, `name/version`, or a folder with `model.onnx`.
        report: The file for the measurements as JSON, if any.

    Raises:
        InputError: There is no such model, it is not deployable, or the file cannot be written.
    """
    from coldpress.onnx.profiling.profile import measure_profile

    target = None if report is None else validate_output_path(report, "--json")
    with _open_folder(model) as folder:
        check_not_input(target, [folder], "--json")
        profile = measure_profile(folder)
    _print_tables(profile, Console(stderr=target is not None and is_stream(target)))
    if target is not None:
        write_atomic(target, profile.model_dump_json(indent=2) + "\n")


@contextmanager
def _open_folder(model: str) -> Iterator[Path]:
    """Yield the folder with the model's files; a pulled folder comes before a registered name."""
    folder = find_folder(model)
    if folder is not None:
        yield folder
        return
    with open_deployable(find_version(model)) as checkpoint:
        yield checkpoint.path


def _print_tables(profile: Profile, console: Console) -> None:
    from coldpress.evaluation.performance.contention import describe_contention

    console.print(_length_table(profile))
    limits = profile.limits
    console.print(
        f"Limits of one thread: {limits.int8_per_second / 1e9:.0f} billion int8 "
        f"multiply-accumulates and {limits.bytes_per_second / 1e9:.1f} GB from memory a second."
    )
    if profile.contention.busy:
        console.print(escape(describe_contention(profile.contention)))
    console.print()
    console.print(_operator_table(profile))


def _length_table(profile: Profile) -> Table:
    table = Table(box=None)
    for title in ("tokens", "median", "p95", "of int8", "of memory"):
        table.add_column(title, justify="right")
    for length in profile.lengths:
        table.add_row(
            str(length.tokens),
            f"{length.p50:.3f} ms",
            f"{length.p95:.3f} ms",
            f"{length.int8_share:.1%}",
            f"{length.memory_share:.1%}",
        )
    return table


def _operator_table(profile: Profile) -> Table:
    """Return operators by their time in a short text; the longest text is in further columns."""
    longest = profile.lengths[-1]
    short = next((text for text in profile.lengths if text.tokens >= _SHORT_TEXT), longest)
    texts = list({text.tokens: text for text in (short, longest)}.values())
    table = Table("operator", box=None)
    table.add_column("nodes", justify="right")
    for text in texts:
        table.add_column(f"µs, {text.tokens} tokens", justify="right")
        table.add_column("share", justify="right")
    for entry in short.operators:
        cells = [cell for text in texts for cell in _time_cells(text, entry.operator)]
        table.add_row(entry.operator, str(entry.count), *cells)
    totals = [cell for text in texts for cell in (f"{_total(text):.0f}", "")]
    table.add_row("total", str(profile.nodes), *totals)
    return table


def _time_cells(text: LengthProfile, operator: str) -> tuple[str, str]:
    entry = next(entry for entry in text.operators if entry.operator == operator)
    return f"{entry.microseconds:.0f}", f"{entry.share:.1%}"


def _total(text: LengthProfile) -> float:
    return sum(entry.microseconds for entry in text.operators)
