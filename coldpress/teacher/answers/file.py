"""Read a file of answers: the rows that it belongs to, and their outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.benchmark.loading import Benchmark
from coldpress.data import file_formats
from coldpress.data.rows import Rows, extract_labels
from coldpress.data.section import BenchmarkSection
from coldpress.data.source_columns import read_split_columns
from coldpress.data.sources import Columns
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.teacher.answers.cells import ANSWER, optional_columns, output_reader, row_values
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.answers.table import AnswerTable, TextKey, text_keys


@dataclass(frozen=True)
class IdentifiedRows:
    """Rows of the data, and the index of each by its id."""

    split: Split
    index: Mapping[str, int]


def read_ids(teacher: AnswersTeacher, section: BenchmarkSection) -> IdentifiedRows | None:
    """Read the ids of the data's rows.

    Args:
        teacher: Names the column.
        section: Names the source and the columns of the texts.

    Returns:
        None if rows are identified by their texts.

    Raises:
        InputError: A file, column or row is invalid, or two rows have the same id.
    """
    if teacher.id is None:
        return None
    index: dict[str, int] = {}
    keys: list[TextKey] = []
    splits: list[Split] = []
    for rows in read_split_columns(section.source, [teacher.id, *section.columns.texts]):
        splits.append(section.columns.build_split(rows))
        names = extract_labels(rows, teacher.id)
        for row, (name, key) in enumerate(zip(names, text_keys(splits[-1]), strict=True)):
            if name in index and keys[index[name]] != key:
                raise InputError(f"{rows.locate(row)}: {teacher.id!r} is {name!r} of another row")
            index.setdefault(name, len(keys))
            keys.append(key)
    return IdentifiedRows(_join(splits), index)


def _join(splits: Sequence[Split]) -> Split:
    """Append splits, with the texts that they have in common."""
    first, *remaining = splits
    for more in remaining:
        renamed = replace(more, ids=tuple(f"{len(first)} {row_id}" for row_id in more.ids))
        first = first.concat(renamed)
    return first


def read_file(
    path: Path,
    field: str,
    teacher: AnswersTeacher,
    columns: Columns,
    benchmark: Benchmark,
    data: IdentifiedRows | None,
) -> AnswerTable:
    """Read the answers of one file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file.
        field: The recipe's field that names it.
        teacher: Says how rows are identified, and what the numbers are.
        columns: Names of the columns of the texts.
        benchmark: Its task kind and the names of its outputs are used.
        data: The rows by their ids; None if rows are identified by their texts.

    Raises:
        InputError: The file, a column or an answer is invalid, or two answers contradict.
    """
    kind, names = benchmark.kind, benchmark.labels
    required = columns.texts if teacher.id is None else [teacher.id]
    rows = file_formats.read_file(path, required, field, optional_columns(kind, names))
    split = _identify(rows, teacher.id, columns, data)
    read = output_reader(kind, names, teacher.values)
    outputs: dict[TextKey, NDArray[np.float32]] = {}
    origins: dict[TextKey, int] = {}
    words = split.words or ((),) * len(split)
    for row, (key, value) in enumerate(zip(text_keys(split), row_values(rows, names), strict=True)):
        answer = read(value, f"{rows.locate(row)}: {ANSWER!r}", split.texts[row], words[row])
        if key in outputs and not np.array_equal(outputs[key], answer):
            other = rows.numbers[origins[key]]
            raise InputError(f"{rows.locate(row)}: another answer than in {rows.unit} {other}")
        outputs[key] = answer
        origins.setdefault(key, row)
    _check_lengths(outputs, rows, origins)
    return AnswerTable(rows.location, outputs)


def _identify(
    rows: Rows, column: str | None, columns: Columns, data: IdentifiedRows | None
) -> Split:
    """Return the texts of the rows: their own, or those of the data's rows with their ids."""
    if column is None or data is None:
        return columns.build_split(rows)
    ids = extract_labels(rows, column)
    unknown = next((row for row, name in enumerate(ids) if name not in data.index), None)
    if unknown is not None:
        raise InputError(
            f"{rows.locate(unknown)}: {column!r} is {ids[unknown]!r}, which no row of the data has"
        )
    return data.split.take([data.index[name] for name in ids])


def _check_lengths(
    outputs: Mapping[TextKey, NDArray[np.float32]], rows: Rows, origins: Mapping[TextKey, int]
) -> None:
    """Check that all vectors have the same length."""
    lengths = {key: answer.shape[1] for key, answer in outputs.items()}
    first = next(iter(lengths.values()))
    for key, length in lengths.items():
        if length != first:
            raise InputError(
                f"{rows.locate(origins[key])}: {ANSWER!r} has {length} numbers, other rows {first}"
            )
