"""Benchmarks of search, on tiny models from scratch in folders as `coldpress pull` writes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bitext
import pytest
import retrieve_and_rerank as search
import torch
from pydantic import TypeAdapter

from coldpress.benchmark.loading import load_benchmark
from coldpress.kinds import KindSection
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.serialization import describe_model, write_checkpoint
from coldpress.onnx import predictor
from coldpress.onnx.export import export
from coldpress.onnx.predictor import Predictor
from coldpress.teacher.build import build_teacher
from coldpress.teacher.spec import Teacher

SECTIONS: dict[str, dict[str, Any]] = {
    "retriever": {"kind": "sentence-embedding"},
    "reranker": {"kind": "ranking"},
}
SOURCE = {"origin": "synthetic", "train_examples": 60, "test_examples": 60}
TEACHER = {
    "model": {"origin": "scratch", "layers": 1, "hidden_size": 16, "heads": 2, "neurons": 16},
    "epochs": 0,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint and an exported folder of each role."""
    folder = tmp_path_factory.mktemp("models")
    section: TypeAdapter[Any] = TypeAdapter(KindSection)
    for role, kind in SECTIONS.items():
        torch.manual_seed(0)
        benchmark = load_benchmark(section.validate_python({**kind, "source": SOURCE}), 0)
        epochs = 1 if role == "reranker" else 0
        teacher = Teacher.model_validate({**TEACHER, "epochs": epochs})
        classifier = build_teacher(teacher, benchmark, 32)
        write_checkpoint(classifier, folder / f"{role}-teacher", Manifest(stage="train_teacher"))
        manifest = describe_model(Manifest(stage="export_onnx"), classifier)
        with new_checkpoint(folder / role, manifest) as target:
            export(Checkpoint.open(folder / f"{role}-teacher"), target, 17, {})
            shutil.copy(predictor.__file__, target / "predictor.py")
    return folder


@pytest.fixture
def collection(tmp_path: Path) -> search.Collection:
    """Three documents; the query is the text of one of them, and a query without grades."""
    documents = [
        {"_id": "a", "title": "my card", "text": "is lost"},
        {"_id": "b", "title": "", "text": "where is my parcel"},
        {"_id": "c", "text": "cancel the order"},
    ]
    queries = [{"_id": "1", "text": "where is my parcel"}, {"_id": "2", "text": "other"}]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\tb\t2\n1\ta\t1\n")
    return search.read_collection(
        *(tmp_path / name for name in ("corpus.jsonl", "queries.jsonl", "test.tsv"))
    )


def test_a_collection_joins_titles_and_texts(collection: search.Collection) -> None:
    assert collection.documents["a"] == "my card is lost"
    assert collection.documents["b"] == "where is my parcel"
    assert collection.grades == {"1": {"b": 2, "a": 1}}


def test_ndcg_compares_with_the_best_order_of_all_grades() -> None:
    """Discounts 1, 0.6309 and 0.5: 1 * 0.6309 + 2 * 0.5 of 2 + 0.6309."""
    assert search.ndcg([2, 1], {"b": 2, "a": 1}) == pytest.approx(1)
    assert search.ndcg([0, 1, 2], {"b": 2, "a": 1}) == pytest.approx(1.6309 / 2.6309, abs=1e-4)


def test_pulled_models_and_their_teachers_find_the_same_documents(
    models: Path, collection: search.Collection
) -> None:
    pulled = search.load_pulled(models / "retriever", models / "reranker")
    teachers = search.load_teachers(models / "retriever-teacher", models / "reranker-teacher")
    results = [search.measure(pair, collection, 3) for pair in (pulled, teachers)]
    assert results[0]["queries"] == 1
    scores = [(r["ndcg_at_10_retrieved"], r["ndcg_at_10"]) for r in results]
    assert scores[0] == scores[1]
    # The document that equals the query is retrieved first; a is second or third.
    assert results[0]["ndcg_at_10_retrieved"] in {1.0, 0.9502}
    assert all(r["ms_per_query"] > 0 and 0.01 < r["megabytes"] < 1 for r in results)


def test_only_candidates_are_reranked(models: Path, collection: search.Collection) -> None:
    pulled = search.load_pulled(models / "retriever", models / "reranker")
    result = search.measure(pulled, collection, 1)
    assert result["ndcg_at_10_retrieved"] == result["ndcg_at_10"] == round(2 / 2.6309, 4)


def test_each_language_of_a_bitext_is_judged_in_both_directions(
    models: Path, tmp_path: Path
) -> None:
    """In the first language texts are their own translations; in the second, all are the same."""
    texts = ("my card is lost", "where is my parcel", "cancel the order")
    rows = [{"en": text, "same": text, "one": texts[0]} for text in texts]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    one, same = bitext.judge(Predictor(models / "retriever"), file, "en")
    assert one == {
        "language": "one",
        "texts": 3,
        "rank1_to_translation": 1 / 3,
        "rank1_to_source": 1 / 3,
    }
    assert (same["rank1_to_translation"], same["rank1_to_source"]) == (1.0, 1.0)
