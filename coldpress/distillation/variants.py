"""Variants of rows, which the student learns from besides the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

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
    drawn_variants = _draw_variants(teacher, rows, plan, rng)
    variants = list(_without_duplicates(drawn_variants, rows.row_texts))
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
    words = [None] * len(rows) if rows.words is None else rows.words
    copies = list(map(Variant, rows.row_texts, words)) * plan.copies
    for variant in chain(copies, cross_rows(rows, plan.crossovers, rng)):
        yield replacer.replace_in_variant(variant, rng)


def _without_duplicates(
    variants: Iterable[Variant], texts: Iterable[tuple[str, ...]]
) -> Iterator[Variant]:
    """Yield the first variant of equal ones, unless it equals the texts of a row."""
    unique = set(texts)
    for variant in variants:
        if variant.texts not in unique:
            unique.add(variant.texts)
            yield variant
