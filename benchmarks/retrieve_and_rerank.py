r"""Retrieve and rerank: a search engine of two pulled models, and what it costs.

    python benchmarks/retrieve_and_rerank.py RETRIEVER RERANKER --corpus corpus.jsonl \
        --queries queries.jsonl --qrels test.tsv [--teachers RETRIEVER RERANKER]

RETRIEVER and RERANKER are folders of `coldpress pull`, with models of the kinds
`sentence-embedding` and `ranking`; the other files are in BEIR's format. The retriever finds
candidates by the cosine of vectors, the reranker puts them in order. Prints nDCG@10 of the
candidates and of the final order, milliseconds for each query on one thread, and MB of both models.
`--teachers` adds a line for two checkpoints in torch, which the models were made of.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTH = 10


@dataclass(frozen=True)
class Models:
    """A retriever and a reranker.

    Attributes:
        embed: From texts to vectors, shape (texts, dimension).
        rank: From a query and documents to the documents' positions, best first.
        megabytes: Weights and tokenizers of both.
    """

    embed: Callable[[Sequence[str]], NDArray[Any]]
    rank: Callable[[str, Sequence[str]], list[int]]
    megabytes: float


@dataclass(frozen=True)
class Collection:
    """Documents and queries by id, and the grades of documents for each query."""

    documents: Mapping[str, str]
    queries: Mapping[str, str]
    grades: Mapping[str, Mapping[str, int]]


def main() -> None:
    """Measure the pulled models, and the teachers if they are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs=2)
    for name in ("corpus", "queries", "qrels"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, nargs=2)
    parser.add_argument("--candidates", type=int, default=20)
    arguments = parser.parse_args()
    data = read_collection(arguments.corpus, arguments.queries, arguments.qrels)
    pairs = {"compressed": load_pulled(*arguments.models)}
    if arguments.teachers:
        pairs["teachers in torch"] = load_teachers(*arguments.teachers)
    for name, models in pairs.items():
        print(json.dumps({"models": name, **measure(models, data, arguments.candidates)}))


def measure(models: Models, data: Collection, candidates: int) -> dict[str, float]:
    """Search for each query, and compare the order of documents with the grades.

    Args:
        models: Both models.
        data: The judged queries are used.
        candidates: Documents that are reranked for each query.
    """
    ids, texts = list(data.documents), list(data.documents.values())
    vectors = normalize(models.embed(texts))
    retrieved, ranked, seconds = [], [], []
    for query, grades in data.grades.items():
        text = data.queries[query]
        start = time.perf_counter()
        (vector,) = normalize(models.embed([text]))
        first = np.argsort(-(vectors @ vector), kind="stable")[:candidates].tolist()
        order = models.rank(text, [texts[number] for number in first])
        seconds.append(time.perf_counter() - start)
        retrieved.append(ndcg([grades.get(ids[number], 0) for number in first], grades))
        ranked.append(ndcg([grades.get(ids[first[place]], 0) for place in order], grades))
    return {
        "queries": len(ranked),
        "ndcg_at_10_retrieved": round(float(np.mean(retrieved)), 4),
        "ndcg_at_10": round(float(np.mean(ranked)), 4),
        "ms_per_query": round(1000 * float(np.mean(seconds)), 3),
        "megabytes": round(models.megabytes, 2),
    }


def load_pulled(retriever: Path, reranker: Path) -> Models:
    """Load two folders of `coldpress pull` by the predictors that are in them."""
    first, second = load_predictor(retriever), load_predictor(reranker)

    def embed(texts: Sequence[str]) -> NDArray[Any]:
        return np.array([record["vector"] for record in first.predict(texts)])

    def rank(query: str, documents: Sequence[str]) -> list[int]:
        return [record["index"] for record in second.rank(query, documents)]

    return Models(embed, rank, count_megabytes(retriever, reranker))


def load_predictor(folder: Path) -> Any:  # noqa: ANN401
    """Return the predictor of a pulled folder, which needs nothing of Coldpress."""
    spec = importlib.util.spec_from_file_location("predictor", folder / "predictor.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "predictor.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Predictor(folder)


def load_teachers(retriever: Path, reranker: Path) -> Models:
    """Load two checkpoints in torch, on one thread as the pulled models are."""
    import torch

    from coldpress.data.encoding import encode
    from coldpress.data.splits import Split, row_ids
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.serialization import load_classifier

    torch.set_num_threads(1)
    first, second = (load_classifier(Checkpoint.open(path)) for path in (retriever, reranker))

    def embed(texts: Sequence[str]) -> NDArray[Any]:
        split = Split(row_ids(texts, None), tuple(texts), None, ())
        return np.asarray(first.logits(encode(first.tokenizer, split)).numpy())

    def rank(query: str, documents: Sequence[str]) -> list[int]:
        texts = (query,) * len(documents)
        split = Split(row_ids(texts, documents), texts, tuple(documents), ())
        scores = second.logits(encode(second.tokenizer, split)).numpy()[:, 0]
        order: list[int] = np.argsort(-scores, kind="stable").tolist()
        return order

    return Models(embed, rank, count_megabytes(retriever, reranker))


def count_megabytes(*folders: Path) -> float:
    """Return the size of weights and tokenizers in 10^6 bytes."""
    names = ("model.onnx", "model.safetensors", "tokenizer.json")
    files = [folder / name for folder in folders for name in names]
    return sum(file.stat().st_size for file in files if file.exists()) / 1e6


def normalize(vectors: NDArray[Any]) -> NDArray[Any]:
    """Divide each vector by its length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def ndcg(ranked: Sequence[int], grades: Mapping[str, int]) -> float:
    """Return nDCG@10 as trec_eval does, from the grades of ranked documents and of all."""
    discounts = 1 / np.log2(np.arange(DEPTH) + 2)
    gains, ideal = ranked[:DEPTH], sorted(grades.values(), reverse=True)[:DEPTH]
    return float(gains @ discounts[: len(gains)]) / float(ideal @ discounts[: len(ideal)])


def read_collection(corpus: Path, queries: Path, qrels: Path) -> Collection:
    """Read files in BEIR's format."""
    documents = read_documents(corpus)
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with qrels.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            grades[row["query-id"]][row["corpus-id"]] = int(row["score"])
    return Collection(documents, {row["_id"]: row["text"] for row in read_jsonl(queries)}, grades)


def read_documents(corpus: Path) -> dict[str, str]:
    """Read the documents of a corpus in BEIR's format by id: title and text joined by a space."""
    return {
        row["_id"]: f"{row.get('title') or ''} {row['text']}".strip() for row in read_jsonl(corpus)
    }


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object from each line."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


if __name__ == "__main__":
    main()
