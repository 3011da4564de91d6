"""Texts with translations, and their test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.errors import InputError
from coldpress.kinds.sentence_embedding import BITEXT_KIND
from tests.support.benchmark_sections import load
from tests.support.json_lines import write_jsonl

ROWS = [{"en": f"text {n}", "de": f"Satz {n}", "fr": f"phrase {n}"} for n in range(20)]
TEST = [
    {"en": "Text 3", "de": "ein Satz", "fr": "phrase 5", "topic": "odd"},
    {"en": "another", "de": "noch einer", "fr": "encore", "topic": "even"},
]


@pytest.fixture
def section(tmp_path: Path) -> dict[str, Any]:
    """20 texts in three languages; of two test rows, one text and one translation are known."""
    return {
        "kind": "sentence-embedding",
        "source": {"origin": "files", "train": write_jsonl(tmp_path / "train.jsonl", ROWS)},
        "columns": {"text": "en", "translations": ["de", "fr"]},
        "judge": {"bitext": write_jsonl(tmp_path / "test.jsonl", TEST)},
    }


def test_translations_are_learned_with_the_source_that_they_have(section: dict[str, Any]) -> None:
    """Text 3 is a test text, so it and its translations are left out, and so is phrase 5."""
    benchmark = load(section)
    learned = benchmark.train.concat(benchmark.validation)
    assert learned.sources is not None
    pairs = dict(zip(learned.texts, learned.sources, strict=True))
    kept = [n for n in range(20) if n != 3]
    assert pairs == {
        **{f"text {n}": f"text {n}" for n in kept},
        **{f"Satz {n}": f"text {n}" for n in kept},
        **{f"phrase {n}": f"text {n}" for n in kept if n != 5},
    }
    assert learned.targets == ()


def test_a_text_and_its_translations_are_in_one_split(section: dict[str, Any]) -> None:
    benchmark = load(section)
    train, validation = benchmark.train.sources, benchmark.validation.sources
    assert train is not None
    assert validation is not None
    assert set(train).isdisjoint(validation)
    assert len(validation) in {5, 6}  # two of 19 texts, in three languages


def test_test_rows_are_pairs_with_the_number_of_text_language_and_pair(
    section: dict[str, Any],
) -> None:
    benchmark = load(section, (("evaluate.slices.0.column", "topic"),))
    assert benchmark.kind.name == BITEXT_KIND
    assert benchmark.test.texts == ("Text 3", "Text 3", "another", "another")
    assert benchmark.test.targets == ((0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3))
    assert benchmark.test.columns == {"topic": ("odd", "odd", "even", "even")}
    assert benchmark.compared is not None
    assert benchmark.compared.texts == ("ein Satz", "phrase 5", "noch einer", "encore")
    assert benchmark.overlap == 0


def test_other_translations_change_the_digest(section: dict[str, Any], tmp_path: Path) -> None:
    before = load(section)
    shuffled = [{**row, "de": f"Satz {19 - n}"} for n, row in enumerate(ROWS)]
    write_jsonl(tmp_path / "train.jsonl", shuffled)
    assert load(section).digest != before.digest


def test_translations_may_be_learned_for_a_corpus(section: dict[str, Any], tmp_path: Path) -> None:
    """German queries of an English corpus: the documents are learned, the queries are not."""
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n")
    section["judge"] = {
        "corpus": write_jsonl(tmp_path / "corpus.jsonl", [{"_id": "a", "text": "Eine Quelle"}]),
        "queries": write_jsonl(tmp_path / "queries.jsonl", [{"_id": "1", "text": "Satz 4"}]),
        "qrels": str(tmp_path / "qrels.tsv"),
    }
    benchmark = load(section)
    assert benchmark.kind.name == "sentence-embedding"
    learned = benchmark.train.concat(benchmark.validation)
    assert learned.sources is not None
    pairs = dict(zip(learned.texts, learned.sources, strict=True))
    assert pairs["Eine Quelle"] == "Eine Quelle"
    assert pairs["Satz 5"] == "text 5"
    assert "Satz 4" not in pairs


@pytest.mark.parametrize(("columns", "pairs"), [("one", 60), (["one", "two"], 120)])
def test_the_built_in_texts_have_translations_if_columns_name_them(
    columns: str | list[str], pairs: int
) -> None:
    benchmark = load(
        {
            "kind": "sentence-embedding",
            "source": {"origin": "synthetic", "train_examples": 100, "test_examples": 60},
            "columns": {"translations": columns},
        }
    )
    assert benchmark.kind.name == BITEXT_KIND
    assert len(benchmark.test) == pairs
    assert benchmark.train.sources is not None


def test_a_bitext_needs_the_names_of_its_columns(section: dict[str, Any]) -> None:
    section["columns"] = {"text": "en"}
    with pytest.raises(ValidationError, match=r"judge\.bitext: needs columns\.translations"):
        load(section)


def test_a_bad_row_of_the_judge_is_named(section: dict[str, Any], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "test.jsonl", [TEST[0], {**TEST[1], "fr": " "}])
    message = rf"^benchmark\.judge\.bitext: {tmp_path}/test\.jsonl line 2: 'fr' is blank$"
    with pytest.raises(InputError, match=message):
        load(section)
