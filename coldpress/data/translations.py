"""Translations of texts: a list in one column, or a column for each language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coldpress.data import file_formats
from coldpress.data.rows import Rows, extract_texts
from coldpress.errors import InputError

TranslationColumns = str | Sequence[str]
"""Name of one column, or the names of several."""


@dataclass(frozen=True)
class Bitext:
    """Texts and their translations, pair by pair.

    Attributes:
        sources: The text of each pair.
        translations: Its translation.
        rows: Number of each pair's row in the file; a row has a pair for each of its translations.
        places: Place of the translation among those of its row. Translations with the same place
            are in the same language.
    """

    sources: tuple[str, ...]
    translations: tuple[str, ...]
    rows: tuple[int, ...]
    places: tuple[int, ...]


def list_columns(columns: TranslationColumns | None) -> list[str]:
    """Return the names of the columns of translations; none without translations."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else list(columns)


def extract_translations(rows: Rows, columns: TranslationColumns) -> tuple[tuple[str, ...], ...]:
    """Return the translations of each row, at least one.

    Args:
        rows: Rows with these columns.
        columns: One column, whose values are texts or lists of texts; or several columns of texts.

    Raises:
        InputError: A row has no translation, or one that is blank or not a string.
    """
    if isinstance(columns, str):
        values = rows.columns[columns]
        return tuple(_read_list(value, rows, row, columns) for row, value in enumerate(values))
    return tuple(zip(*(extract_texts(rows, column) for column in columns), strict=True))


def read_bitext(path: Path, text: str, columns: TranslationColumns, field: str) -> Bitext:
    """Read texts and their translations from a file.

    Args:
        path: A `.jsonl`, `.csv` or `.parquet` file.
        text: Column of the texts.
        columns: Column or columns of their translations.
        field: The recipe's field that contains the path.

    Raises:
        InputError: The file or a row is invalid, or a language has a single text.
    """
    rows = file_formats.read_file(path, [text, *list_columns(columns)], field)
    bitext = pair_up(extract_texts(rows, text), extract_translations(rows, columns))
    for place in sorted(set(bitext.places)):
        if bitext.places.count(place) == 1:
            raise InputError(
                f"{rows.location}: only one row has a translation number {place + 1}; at least two"
                " are needed to tell the right one from others"
            )
    return bitext


def pair_up(sources: Sequence[str], translations: Sequence[Sequence[str]]) -> Bitext:
    """Return a pair for each translation.

    Args:
        sources: Texts.
        translations: Of each text.
    """
    pairs = [
        (source, translation, row, place)
        for row, (source, of_row) in enumerate(zip(sources, translations, strict=True))
        for place, translation in enumerate(of_row)
    ]
    return Bitext(
        sources=tuple(source for source, _, _, _ in pairs),
        translations=tuple(translation for _, translation, _, _ in pairs),
        rows=tuple(row for _, _, row, _ in pairs),
        places=tuple(place for _, _, _, place in pairs),
    )


def _read_list(value: object, rows: Rows, row: int, column: str) -> tuple[str, ...]:
    """Return a list of translations; a text is a list of one."""
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise InputError(f"{rows.locate(row)}: {column!r} is an empty list: no translation")
    numbers = [rows.numbers[row]] * len(items)
    return extract_texts(Rows(rows.location, rows.unit, numbers, {column: items}), column)
