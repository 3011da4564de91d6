"""Sentences about a comparison, computed from its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coldpress.report.formats import percent, short, size
from peers.catalogue import COLDPRESS, TEACHER
from peers.record import Comparison, Row

STATIC = ("TF-IDF", "fastText", "model2vec")
INT8 = ("Optimum int8", "Olive int8", "OpenVINO and NNCF int8")
Value = Callable[[Row], float | None]


def speedups(comparison: Comparison) -> list[str]:
    """Compare each Coldpress model with the teacher and with the fastest int8 model of others.

    Args:
        comparison: The record.

    Returns:
        A sentence for each Coldpress model that reads token ids.
    """
    baselines = [TEACHER, *_fastest_int8(comparison)]
    rows = {row.name: row for row in comparison.measured}
    return [
        f"{_with_accuracy(row)}, from token ids: {_ratios(milliseconds, baselines, rows)}."
        for row in _coldpress(comparison)
        if (milliseconds := ids_milliseconds(row)) and any(name in rows for name in baselines)
    ]


def static_models(comparison: Comparison) -> list[str]:
    """Compare Coldpress with the most accurate model of others that reads no sequence.

    Args:
        comparison: The record.

    Returns:
        One sentence, or none if there is no such model.
    """
    others = [row for row in comparison.measured if row.name.startswith(STATIC)]
    own = sorted(_coldpress(comparison), key=lambda row: text_milliseconds(row) or 0.0)
    if not (others and own):
        return []
    best = max(others, key=lambda row: _accuracy(row) or 0.0)
    names = ", ".join(_with_text_latency(row) for row in own)
    return [f"From text: {names}; best of {', '.join(STATIC)}: {_with_text_latency(best)}."]


def losses(comparison: Comparison) -> list[str]:
    """List what some other library does better than every Coldpress model.

    Args:
        comparison: The record.

    Returns:
        A sentence for each measure in which the best model is not Coldpress's.
    """
    measures: tuple[tuple[str, Value, Callable[[float], str], bool], ...] = (
        ("More accurate", _accuracy, lambda value: f"{percent(value)} %", True),
        ("Faster from token ids", ids_milliseconds, _milliseconds, False),
        ("Faster from text", text_milliseconds, _milliseconds, False),
        ("More texts a second on one thread", _one_thread, short, True),
        ("More texts a second on two threads", _two_threads, short, True),
        ("Smaller", _bytes, size, False),
        ("Less memory", _peak, size, False),
        ("Built in less time", _seconds, lambda value: f"{short(value)} s", False),
    )
    sentences = []
    for label, value, text, larger in measures:
        better = _better(comparison, value, larger)
        if better:
            names = ", ".join(f"{row.name} ({text(value(row) or 0.0)})" for row in better)
            sentences.append(f"{label} than every Coldpress model: {names}.")
    return sentences


def ids_milliseconds(row: Row) -> float | None:
    """Return the median latency from token ids; None if the model reads none."""
    return row.speed.ids.p50 if row.speed and row.speed.ids else None


def text_milliseconds(row: Row) -> float | None:
    """Return the median latency from text."""
    return row.speed.text.p50 if row.speed else None


def _better(comparison: Comparison, value: Value, larger: bool) -> list[Row]:
    """Rows of others that beat the best Coldpress row, the best first."""
    own = [number for row in _coldpress(comparison) if (number := value(row)) is not None]
    if not own:
        return []
    sign = 1 if larger else -1
    best = max(sign * number for number in own)
    others = [row for row in comparison.measured if not _is_coldpress(row)]
    scored = [(sign * number, row) for row in others if (number := value(row)) is not None]
    ranked = sorted(scored, key=lambda pair: -pair[0])
    return [row for number, row in ranked if number > best]


def _fastest_int8(comparison: Comparison) -> Sequence[str]:
    timed = {
        row.name: milliseconds
        for row in comparison.measured
        if row.name in INT8 and (milliseconds := ids_milliseconds(row))
    }
    return [min(timed, key=timed.__getitem__)] if timed else []


def _ratios(milliseconds: float, names: Sequence[str], rows: dict[str, Row]) -> str:
    slower = {name: ids_milliseconds(rows[name]) for name in names if name in rows}
    return ", ".join(
        f"{short(other / milliseconds)} times as fast as {_with_accuracy(rows[name])}"
        for name, other in slower.items()
        if other
    )


def _with_accuracy(row: Row) -> str:
    return f"{row.name} ({percent(_accuracy(row) or 0.0)} %)"


def _with_text_latency(row: Row) -> str:
    latency = _milliseconds(text_milliseconds(row) or 0.0)
    return f"{row.name} {percent(_accuracy(row) or 0.0)} % in {latency}"


def _coldpress(comparison: Comparison) -> list[Row]:
    return [row for row in comparison.measured if _is_coldpress(row)]


def _is_coldpress(row: Row) -> bool:
    return row.name.startswith(COLDPRESS)


def _milliseconds(value: float) -> str:
    return f"{short(value)} ms"


def _accuracy(row: Row) -> float | None:
    return row.score.accuracy.estimate if row.score else None


def _one_thread(row: Row) -> float | None:
    return row.speed.one_thread if row.speed else None


def _two_threads(row: Row) -> float | None:
    return row.speed.two_threads if row.speed else None


def _bytes(row: Row) -> float | None:
    return row.costs.bytes if row.costs else None


def _peak(row: Row) -> float | None:
    return row.costs.peak_bytes if row.costs else None


def _seconds(row: Row) -> float | None:
    seconds = row.costs.seconds if row.costs else None
    # The teacher itself is not built: its worker returns within microseconds.
    return seconds if seconds is None or seconds > 1e-3 else None
