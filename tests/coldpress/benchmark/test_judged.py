from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coldpress.errors import InputError
from coldpress.kinds.sentence_embedding import PAIRS_KIND
from tests.support.benchmark_sections import load
from tests.support.json_lines import write_jsonl

TEXTS = [f"text number {n}" for n in range(30)]


@pytest.fixture
def section(tmp_path: Path) -> dict[str, Any]:
    """30 texts, of which one is a query that differs in capitals; two documents, two queries."""
    texts = [{"text": text} for text in [*TEXTS, "Which OIL is pressed"]]
    documents = [
        {"_id": "a", "title": "Oil", "text": "cold pressed"},
        {"_id": "b", "title": "", "text": "warm stones"},
    ]
    queries = [
        {"_id": "1", "text": "which oil is pressed", "topic": "oil"},
        {"_id": "2", "text": "not judged", "topic": "none"},
        {"_id": "3", "text": "which stones are warm", "topic": "stone"},
    ]
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n3\tb\t2\n1\ta\t1\n1\tb\t0\n")
    return {
        "kind": "sentence-embedding",
        "source": {"origin": "files", "train": write_jsonl(tmp_path / "train.jsonl", texts)},
        "judge": {
            "corpus": write_jsonl(tmp_path / "corpus.jsonl", documents),
            "queries": write_jsonl(tmp_path / "queries.jsonl", queries),
            "qrels": str(tmp_path / "qrels.tsv"),
        },
    }


def test_test_rows_are_the_judged_queries(section: dict[str, Any]) -> None:
    benchmark = load(section)
    assert benchmark.test.texts == ("which oil is pressed", "which stones are warm")
    assert benchmark.test.targets == ((0, 1, 1, 0), (1, 2, -1, 0))
    assert benchmark.compared is not None
    assert benchmark.compared.texts == ("Oil cold pressed", "warm stones")
    assert (benchmark.kind.name, benchmark.labels) == ("sentence-embedding", ("vector",))


def test_documents_are_learned_and_queries_are_not(section: dict[str, Any]) -> None:
    benchmark = load(section)
    learned = {*benchmark.train.texts, *benchmark.validation.texts}
    assert learned == {*TEXTS, "Oil cold pressed", "warm stones"}
    assert len(benchmark.validation) == 3
    assert benchmark.train.targets == benchmark.validation.targets == ()
    assert benchmark.overlap == 0


def test_rows_of_another_corpus_have_other_ids(section: dict[str, Any], tmp_path: Path) -> None:
    before = load(section)
    documents = [{"_id": "a", "text": "another"}, {"_id": "b", "text": "warm stones"}]
    write_jsonl(tmp_path / "corpus.jsonl", documents)
    after = load(section)
    assert before.test.texts == after.test.texts
    assert set(before.test.ids).isdisjoint(after.test.ids)
    assert before.digest != after.digest
    assert before.test_digest != after.test_digest


def test_queries_can_be_sliced_by_further_columns(section: dict[str, Any]) -> None:
    benchmark = load(section, (("evaluate.slices.0.column", "topic"),))
    assert benchmark.test.columns == {"topic": ("oil", "stone")}


def test_scored_pairs_are_rows_and_none_of_their_texts_is_learned(
    section: dict[str, Any], tmp_path: Path
) -> None:
    pairs = [
        {"sentence1": TEXTS[0], "sentence2": "another text", "score": 1},
        {"sentence1": "a third", "sentence2": TEXTS[1], "score": 2.5},
    ]
    section["judge"] = {"pairs": write_jsonl(tmp_path / "pairs.jsonl", pairs)}
    benchmark = load(section)
    assert benchmark.kind.name == PAIRS_KIND
    assert benchmark.test.texts == (TEXTS[0], "a third")
    assert benchmark.test.targets == (1.0, 2.5)
    assert benchmark.compared is not None
    assert benchmark.compared.texts == ("another text", TEXTS[1])
    learned = {*benchmark.train.texts, *benchmark.validation.texts}
    assert learned == {*TEXTS[2:], "Which OIL is pressed"}


def test_pairs_need_different_scores(section: dict[str, Any], tmp_path: Path) -> None:
    pairs = [{"sentence1": "a", "sentence2": "b", "score": 1}] * 3
    section["judge"] = {"pairs": write_jsonl(tmp_path / "pairs.jsonl", pairs)}
    with pytest.raises(InputError, match="has the target 1 in every row"):
        load(section)


def test_synthetic_data_has_a_judge_of_its_own(section: dict[str, Any]) -> None:
    source = {"origin": "synthetic", "train_examples": 100, "test_examples": 60}
    benchmark = load({"kind": "sentence-embedding", "source": source})
    assert len(benchmark.test) == 60
    assert benchmark.compared is not None
    assert len(benchmark.compared) > 100
    with pytest.raises(ValidationError, match="synthetic data has a judge of its own"):
        load({**section, "source": source})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judge": None}, "judge: missing"),
        ({"fresh": [{"origin": "files", "path": "new.jsonl"}]}, "fresh: not possible"),
    ],
)
def test_a_section_that_does_not_fit_is_refused(
    section: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        load({**section, **changes})


def test_a_test_file_and_a_judge_exclude_each_other(section: dict[str, Any]) -> None:
    section["source"]["test"] = section["source"]["train"]
    with pytest.raises(InputError, match=r"^benchmark.source.test: not possible with a judge$"):
        load(section)


def test_a_few_texts_are_not_enough(section: dict[str, Any], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"text": "one"}])
    with pytest.raises(InputError, match="train: 3 texts without those of the judge; at least 20"):
        load(section)
