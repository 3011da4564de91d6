"""Variants of rows, which the student learns from besides the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from coldpress.data.splits import Split, row_ids
from coldpress.distillation.augmentation import Augmentation, Variant
from coldpress.distillation.crossover import cross_rows
from coldpress.distillation.word_replacement import WordReplacer
from coldpress.model.classifier import Classifier


def make_variants(teacher: Classifier, rows: Split, plan: Augmentation, seed: int) -> Split:
    """Make variants of rows.

    Args:
        teacher: Its tokenizer and its token embeddings are used.
        rows: Texts or text pairs.
        plan: Kinds and numbers of variants.
        seed: Seed of all random draws.

    Returns:
        Unlabelled rows, without duplicates and without rows of the input.

    Raises:
        InputError: Words are to be masked, but the tokenizer has no mask token.
    """
    rng = np.random.default_rng(seed)
    plan = plan.for_rows(len(rows))
    # Columns in files are read once, not row by row.
    read = None if rows.pairs is None else tuple(rows.pairs)
    rows = replace(rows, texts=tuple(rows.texts), pairs=read)
    variants = list(_without_duplicates(_draw_variants(teacher, rows, plan, rng), rows))
    texts = tuple(variant.texts[0] for variant in variants)
    pairs = None if rows.pairs is None else tuple(variant.texts[1] for variant in variants)
    words = tuple(variant.words for variant in variants if variant.words is not None)
    return Split(
        row_ids(texts, pairs), texts, pairs, (), words=None if rows.words is None else words
    )


def _draw_variants(
    teacher: Classifier, rows: Split, plan: Augmentation, rng: np.random.Generator
) -> Iterator[Variant]:
    """Yield variants with other words of the rows, then of crossed rows."""
    replacer = WordReplacer(teacher, plan)
    for number in list(range(len(rows))) * plan.copies:
        words = None if rows.words is None else rows.words[number]
        yield replacer.replace_in_variant(Variant(rows.texts_of(number), words), rng)
    for crossed in cross_rows(rows, plan.crossovers, rng):
        yield replacer.replace_in_variant(crossed, rng)


def _without_duplicates(variants: Iterable[Variant], rows: Split) -> Iterator[Variant]:
    unique = set(map(rows.texts_of, range(len(rows))))
    for variant in variants:
        if variant.texts not in unique:
            unique.add(variant.texts)
            yield variant
