r"""Make unlabelled pairs of sentences for the STS benchmark, without the scores of any pair.

A sentence is paired with sentences of its own collection that are similar to it by TF-IDF, since
pairs drawn at random are nearly all unrelated. The collections are the training sentences of the
STS benchmark, captions of Multi30k, comments of GoEmotions, abstracts of SciFact and sentences of
Tatoeba; each file has JSON lines. The run drops pairs that are among its validation or test rows.

    python benchmarks/stsb_pairs.py pairs.jsonl --stsb train.jsonl --multi30k train.jsonl \
      --goemotions train.jsonl --scifact corpus.jsonl --tatoeba en-de.jsonl en-fr.jsonl
    coldpress run stsb --set soft_targets.unlabelled=pairs.jsonl --set soft_targets.augment=null
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from text_collections import parse_files, read_rows

WORDS = range(3, 31)
CHUNK = 500
"""Sentences that are compared with all others at a time."""

Pair = tuple[str, str]
Ranks = Sequence[tuple[int, int] | None]
NEAR: Ranks = ((0, 1), (1, 4))
"""The nearest sentence, and one of the next three."""
TASK: Ranks = ((0, 1), (1, 3), (3, 8), None)
"""For sentences of the task: three near ones of growing distance, and any sentence (None)."""


def main() -> None:
    """Write the pairs of all collections in random order."""
    options = parse_files(__doc__, ("stsb", "multi30k", "goemotions", "scifact"))
    rng = random.Random(0)
    pairs: list[Pair] = []
    for sentences, count, ranks in _collections(options):
        pairs += pair_sentences(sentences, count, ranks, rng)
    rng.shuffle(pairs)
    with options.out.open("w", encoding="utf-8") as file:
        for first, second in pairs:
            file.write(json.dumps({"sentence1": first, "sentence2": second}) + "\n")
    print(f"{len(pairs)} pairs")


def pair_sentences(
    sentences: Sequence[str], count: int, ranks: Ranks, rng: random.Random
) -> list[Pair]:
    """Pair sentences, taken in random order, with others of the same collection.

    Args:
        sentences: Distinct.
        count: Largest number of pairs.
        ranks: Partners of each sentence: a range of ranks by similarity to draw one from, or None
            for any sentence.
        rng: Draws order and partners.
    """
    order = list(range(len(sentences)))
    rng.shuffle(order)
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(sentences).tocsr()
    pairs: set[Pair] = set()
    for start in range(0, len(order), CHUNK):
        if len(pairs) >= count:
            break
        rows = order[start : start + CHUNK]
        similarity = (vectors[rows] @ vectors.T).toarray()  # (rows, sentences)
        for row, number in enumerate(rows):
            similarity[row, number] = -1
            for partner in _draw_partners(similarity[row], ranks, rng):
                if partner != number:
                    both = (sentences[number], sentences[partner])
                    pairs.add(both if rng.random() < 0.5 else both[::-1])
    shuffled = sorted(pairs)
    rng.shuffle(shuffled)
    return shuffled[:count]


def _draw_partners(
    similarity: NDArray[np.float64], ranks: Ranks, rng: random.Random
) -> Iterator[int]:
    nearest = np.argsort(-similarity)
    for bounds in ranks:
        yield int(nearest[rng.randrange(*bounds)]) if bounds else rng.randrange(len(similarity))


def _collections(options: argparse.Namespace) -> Iterator[tuple[list[str], int, Ranks]]:
    stsb = [row[key] for row in read_rows(options.stsb) for key in ("sentence1", "sentence2")]
    abstracts = [row["text"] for row in read_rows(options.scifact)]
    yield distinct_sentences(stsb), 30_000, TASK
    yield distinct_sentences(row["en"] for row in read_rows(options.multi30k)), 12_000, NEAR
    yield distinct_sentences(row["text"] for row in read_rows(options.goemotions)), 6_000, NEAR
    yield distinct_sentences(s for text in abstracts for s in text.split(". ")), 4_000, NEAR
    tatoeba = [row["en"] for path in options.tatoeba for row in read_rows(path)]
    yield distinct_sentences(tatoeba), 8_000, NEAR


def distinct_sentences(texts: Iterable[str]) -> list[str]:
    """Return the distinct texts of 3 to 30 words, sorted, with single spaces."""
    return sorted({" ".join(words) for text in texts if len(words := text.split()) in WORDS})


if __name__ == "__main__":
    main()
