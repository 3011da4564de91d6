r"""Make texts without tags for WNUT17, most of them with names.

Texts of the training set are repeated with their names exchanged for others of the same type
(mention replacement, Dai & Adel 2020, "An Analysis of Simple Data Augmentation for Named Entity
Recognition"). Other collections are questions of TREC, news of the STS benchmark, English sentences
of Tatoeba and comments of GoEmotions; each file has JSON lines. The run drops texts that are among
its validation or test rows.

    python benchmarks/wnut_texts.py texts.jsonl --wnut train.jsonl --trec train.jsonl \
      --stsb train.jsonl --goemotions train.jsonl --tatoeba en-de.jsonl en-fr.jsonl
    coldpress run wnut17 --set soft_targets.unlabelled=texts.jsonl --set soft_targets.augment=null
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from text_collections import parse_files, read_rows

WORDS = range(3, 61)
COPIES = 4
"""Texts with exchanged names that are made of each training text."""

COMMENTS = 3_000
CAPTIONS = "main-captions"
"""A genre of the STS benchmark that has no names."""

Words = tuple[str, ...]


def main() -> None:
    """Write the texts of all collections in random order."""
    options = parse_files(__doc__, ("wnut", "trec", "stsb", "goemotions"))
    rng = random.Random(0)
    texts: dict[Words, None] = {}
    exchanged = exchange_names(read_rows(options.wnut), COPIES, rng)
    # The other texts draw first.
    for words in (*_other_texts(options, rng), *exchanged):
        texts[words] = None
    shuffled = list(texts)
    rng.shuffle(shuffled)
    with options.out.open("w", encoding="utf-8") as file:
        for words in shuffled:
            file.write(json.dumps({"tokens": words}, ensure_ascii=False) + "\n")
    print(f"{len(shuffled)} texts")


def exchange_names(
    rows: Sequence[dict[str, Any]], copies: int, rng: random.Random
) -> Iterator[Words]:
    """Yield texts with each name replaced by one of the same type.

    Args:
        rows: With `tokens` and `tags` in BIO; those without names are left out.
        copies: Texts for each row.
        rng: Draws the names.
    """
    names: defaultdict[str, list[list[str]]] = defaultdict(list)
    for row in rows:
        for start, end, label in find_names(row["tags"]):
            names[label].append(row["tokens"][start:end])
    for row in [*rows] * copies:
        words = list(row["tokens"])
        # From the end, so that earlier positions stay as they are.
        for start, end, label in reversed(find_names(row["tags"])):
            words[start:end] = rng.choice(names[label])
        if words != row["tokens"]:
            yield tuple(words)


def find_names(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return start, end and type of each name.

    Args:
        tags: In BIO, such as ["B-person", "I-person", "O"].
    """
    starts = [number for number, tag in enumerate(tags) if tag.startswith("B-")]
    names = []
    for start in starts:
        label, end = tags[start][2:], start + 1
        while end < len(tags) and tags[end] == f"I-{label}":
            end += 1
        names.append((start, end, label))
    return names


def split_words(text: str) -> Words:
    """Split a text into words and punctuation marks, as WNUT17 does."""
    return tuple(re.findall(r"\w+(?:['\u2019]\w+)?|[^\w\s]", text))


def _other_texts(options: argparse.Namespace, rng: random.Random) -> Iterator[Words]:
    news = [row for row in read_rows(options.stsb) if row["genre"] != CAPTIONS]
    tatoeba = (row["en"] for path in options.tatoeba for row in read_rows(path))
    yield from _distinct(row["text"] for row in read_rows(options.trec))
    yield from _distinct(tatoeba)
    yield from _distinct(row[key] for row in news for key in ("sentence1", "sentence2"))
    comments = _distinct(row["text"] for row in read_rows(options.goemotions))
    yield from rng.sample(comments, min(COMMENTS, len(comments)))


def _distinct(texts: Iterable[str]) -> list[Words]:
    return sorted({words for text in texts if len(words := split_words(text)) in WORDS})


if __name__ == "__main__":
    main()
