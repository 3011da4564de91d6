from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.rows import Rows
from coldpress.data.synthetic_translations import translate, translate_all
from coldpress.data.translations import Bitext, extract_translations, list_columns, read_bitext
from coldpress.errors import InputError


def rows(**columns: list[Any]) -> Rows:
    count = len(next(iter(columns.values())))
    return Rows("benchmark.source.train: rows.jsonl", "line", range(1, count + 1), columns)


def test_a_column_has_lists_of_translations_or_single_ones() -> None:
    source = rows(other=[["Öl", "huile"], "Stein"])
    assert extract_translations(source, "other") == (("Öl", "huile"), ("Stein",))


def test_each_column_of_several_is_a_language() -> None:
    source = rows(de=["Öl", "Stein"], fr=["huile", "pierre"])
    assert extract_translations(source, ["de", "fr"]) == (("Öl", "huile"), ("Stein", "pierre"))
    assert list_columns(["de", "fr"]) == ["de", "fr"]
    assert list_columns("de") == ["de"]
    assert list_columns(None) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "line 2: 'other' is an empty list: no translation"),
        (None, "line 2: 'other' is null"),
        (["Öl", " "], "line 2: 'other' is blank"),
        (["Öl", 7], "line 2: 'other' is int, not a string"),
        ({"de": "Öl"}, "line 2: 'other' is dict, not a string"),
    ],
)
def test_a_row_without_a_proper_translation_is_named(value: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^benchmark.source.train: rows.jsonl {message}$"):
        extract_translations(rows(other=["Stein", value]), "other")


def write(path: Path, content: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in content))
    return path


def test_a_bitext_has_a_pair_for_each_translation(tmp_path: Path) -> None:
    content = [{"en": "oil", "xx": ["Öl", "huile"]}, {"en": "stone", "xx": ["Stein", "pierre"]}]
    path = write(tmp_path / "pairs.jsonl", content)
    assert read_bitext(path, "en", "xx", "benchmark.judge.bitext") == Bitext(
        sources=("oil", "oil", "stone", "stone"),
        translations=("Öl", "huile", "Stein", "pierre"),
        rows=(0, 0, 1, 1),
        places=(0, 1, 0, 1),
    )


def test_a_single_translation_into_a_language_has_no_others_to_confuse(tmp_path: Path) -> None:
    content = [{"en": "oil", "xx": ["Öl", "huile"]}, {"en": "stone", "xx": ["Stein"]}]
    path = write(tmp_path / "pairs.jsonl", content)
    with pytest.raises(InputError, match=r"pairs.jsonl: only one row has a translation number 2"):
        read_bitext(path, "en", "xx", "benchmark.judge.bitext")


def test_invented_languages_reverse_the_words_and_share_none() -> None:
    assert translate("Cold oil!", 0) == " ".join((translate("oil", 0), translate("cold", 0)))
    assert translate_all(["cold oil"], 0) == ()
    (translations,) = translate_all(["cold oil"], 2)
    words = [set(text.split()) for text in ("cold oil", *translations)]
    assert len(set.union(*words)) == 6
    assert translate("...", 0) == "..."
