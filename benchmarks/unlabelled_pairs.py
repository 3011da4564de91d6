r"""Write unlabelled pairs for a reranker: queries with the documents that a retriever finds.

    python benchmarks/unlabelled_pairs.py ENCODER corpus.jsonl train.jsonl pairs.jsonl

ENCODER is a folder of a sentence encoder with mean pooling, corpus.jsonl is in BEIR's format, and
train.jsonl has the training queries in its column `query`. A reranker that has learned only from
the lists of one search engine does not know the documents that another one finds. Sentences of the
corpus are further queries (the inverse cloze task of Lee, Chang & Toutanova 2019, section 4): a
sentence is removed from its own document. The file has the columns `query` and `document` and is
used as `soft_targets.unlabelled`, so that the teacher scores the pairs; no label is read.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from retrieve_and_rerank import read_documents, read_jsonl
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

NEAREST, OTHERS, DEPTH = 5, 5, 50


def main() -> None:
    """Read the files, search, and write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", type=Path, nargs=4)
    parser.add_argument("--sentences", type=int, default=2000)
    arguments = parser.parse_args()
    encoder, corpus, train, target = arguments.paths
    documents = list(read_documents(corpus).values())
    rng = random.Random(0)
    queries: list[tuple[str, int | None]] = [
        (query, None) for query in dict.fromkeys(row["query"] for row in read_jsonl(train))
    ]
    numbers = rng.sample(range(len(documents)), min(arguments.sentences, len(documents)))
    queries += [(choose_sentence(documents[number], rng), number) for number in numbers]
    vectors = embed(encoder, [*documents, *(query for query, _ in queries)])
    similarities = vectors[len(documents) :] @ vectors[: len(documents)].T
    with target.open("w", encoding="utf-8") as file:
        for (query, own), row in zip(queries, similarities, strict=True):
            found = row.topk(DEPTH).indices.tolist()
            for document in choose_documents(query, own, found, documents, rng):
                file.write(json.dumps({"query": query, "document": document}) + "\n")


def choose_sentence(document: str, rng: random.Random) -> str:
    """Return a sentence of a document that is as long as a claim, if there is one."""
    sentences = re.split(r"(?<=[.!?]) +", document)
    claims = [sentence for sentence in sentences if 6 <= len(sentence.split()) <= 30]
    return rng.choice(claims or sentences)


def choose_documents(
    query: str, own: int | None, ranked: Sequence[int], documents: Sequence[str], rng: random.Random
) -> Iterator[str]:
    """Yield the nearest documents and some of those behind them.

    Args:
        query: A claim, or a sentence of a document.
        own: Number of the sentence's document, which is yielded without it; None: a claim.
        ranked: Numbers of the nearest documents, the nearest first.
        documents: Of the corpus.
        rng: Chooses the documents behind the nearest ones.
    """
    others = [number for number in ranked if number != own]
    if own is not None:
        yield " ".join(documents[own].replace(query, " ").split())
    nearest, behind = others[:NEAREST], others[NEAREST:]
    yield from (documents[n] for n in [*nearest, *rng.sample(behind, OTHERS)])


@torch.inference_mode()
def embed(encoder: Path, texts: Sequence[str]) -> Tensor:
    """Return normalized means of the last hidden states, shape (texts, width)."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModel.from_pretrained(encoder)
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    vectors = torch.empty(len(texts), model.config.hidden_size)
    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        batch = tokenizer(
            [texts[n] for n in rows],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        )
        states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        vectors[rows] = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    return vectors


if __name__ == "__main__":
    main()
