"""Words replaced by a mask or by their neighbours in the teacher's token embeddings.

After algorithm 1 of Jiao et al. 2020, "TinyBERT", without its language model and word vectors: the
candidates for a word are the tokens nearest to its own. Masks as in Tang et al. 2019, "Distilling
Task-Specific Knowledge from BERT into Simple Neural Networks", section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Encoding
from torch import nn

from coldpress.data.splits import Split, row_ids
from coldpress.model.classifier import Classifier
from coldpress.model.tokenizer_config import find_mask_token

if TYPE_CHECKING:
    from coldpress.distillation.augmentation import Augmentation

_CANDIDATES_PER_NEIGHBOUR = 4
"""Nearest tokens to look at per neighbour wanted, since some of them are not whole words."""


def make_variants(teacher: Classifier, rows: Split, plan: Augmentation, seed: int) -> Split:
    """Make variants of texts.

    Args:
        teacher: Its tokenizer and its token embeddings are used.
        rows: Texts or text pairs.
        plan: Number of variants, and the shares of words to replace and to mask.
        seed: Seed of all random draws.

    Returns:
        Unlabelled rows, without duplicates and without rows of the input.

    Raises:
        InputError: Words are to be masked, but the tokenizer has no mask token.
    """
    rng = np.random.default_rng(seed)
    replacer = WordReplacer(teacher, plan)
    columns = [rows.texts] if rows.pairs is None else [rows.texts, rows.pairs]
    originals = list(zip(*columns, strict=True))
    unique = set(originals)
    variants: list[tuple[str, ...]] = []
    for texts in originals * plan.copies:
        variant = tuple(replacer.replace_words(text, rng) for text in texts)
        if variant not in unique:
            unique.add(variant)
            variants.append(variant)
    firsts = tuple(variant[0] for variant in variants)
    pairs = None if rows.pairs is None else tuple(variant[1] for variant in variants)
    return Split(row_ids(firsts, pairs), firsts, pairs, ())


class WordReplacer:
    """Replaces words at random by a mask or by a neighbour."""

    def __init__(self, teacher: Classifier, plan: Augmentation) -> None:
        self._tokenizer = teacher.tokenizer
        self._plan = plan
        self._mask = find_mask_token(teacher.tokenizer, teacher.mask_token)
        plan.check_mask(self._mask)
        self._table = nn.functional.normalize(teacher.token_table.weight.detach().cpu(), dim=-1)
        self._cache: dict[int, list[str]] = {}

    def replace_words(self, text: str, rng: np.random.Generator) -> str:
        """Replace some words of a text.

        Args:
            text: Any text.
            rng: Chooses the words and their replacements.

        Returns:
            The text with everything else, punctuation included, unchanged.
        """
        parts: list[str] = []
        end = 0
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        for start, stop, token in _word_spans(encoding):
            # Byte-level tokenizers count the space before a word as part of it.
            start += len(text[start:stop]) - len(text[start:stop].lstrip())
            parts += [text[end:start], self._replacement(text[start:stop], token, rng)]
            end = stop
        return "".join([*parts, text[end:]])

    def _replacement(self, word: str, token: int | None, rng: np.random.Generator) -> str:
        if not any(map(str.isalnum, word)):
            return word
        draw = rng.random()
        if draw < self._plan.mask:
            return self._mask
        words = self.neighbours(token) if draw < self._plan.mask + self._plan.replace else []
        return words[rng.integers(len(words))] if words else word

    def neighbours(self, token: int | None) -> list[str]:
        """Return the words nearest to a token, by the cosine of their embeddings.

        Args:
            token: Token id; None for a word of several tokens, which has no embedding of its own.

        Returns:
            At most `plan.neighbours` words of one token each, nearest first.
        """
        if token is None or token >= len(self._table):
            return []
        if token not in self._cache and not self._word(token, leading=True):
            # Unknown words share one embedding, whose neighbours mean nothing.
            self._cache[token] = []
        if token not in self._cache:
            similarities = self._table @ self._table[token]
            similarities[token] = -2.0
            count = _CANDIDATES_PER_NEIGHBOUR * self._plan.neighbours
            nearest = similarities.topk(min(count, len(similarities) - 1)).indices.tolist()
            words = [word for word in map(self._word, nearest) if word]
            self._cache[token] = words[: self._plan.neighbours]
        return self._cache[token]

    def _word(self, token: int, leading: bool = False) -> str:
        """Return a token as a word; empty if it is not a word of its own.

        A word of its own is encoded as this very token in the middle of a text (with `leading`,
        also at its beginning).
        """
        word: str = self._tokenizer.decode([token]).strip()
        texts = (f" {word}", word) if leading else (f" {word}",)
        encoded = [self._tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        return word if [token] in encoded else ""


def _word_spans(encoding: Encoding) -> Iterator[tuple[int, int, int | None]]:
    """Yield start and end of each word, and its token id if it is a single token."""
    pieces: dict[int, list[int]] = {}
    words: Sequence[int | None] = encoding.word_ids
    for index, word in enumerate(words):
        if word is not None:
            pieces.setdefault(word, []).append(index)
    for indices in pieces.values():
        token = encoding.ids[indices[0]] if len(indices) == 1 else None
        yield encoding.offsets[indices[0]][0], encoding.offsets[indices[-1]][1], token
