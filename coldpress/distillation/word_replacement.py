"""Words replaced by a mask, by neighbours in the teacher's token embeddings, or by any words.

After algorithm 1 of Jiao et al. 2020, "TinyBERT", without its language model and word vectors: the
candidates for a word are the tokens nearest to its own. Masks as in Tang et al. 2019, "Distilling
Task-Specific Knowledge from BERT into Simple Neural Networks", section 3.2. A teacher's outputs
for random words say much about it: Krishna et al. 2020, "Thieves on Sesame Street! Model Extraction
of BERT-based APIs", section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from tokenizers import Encoding
from torch import nn

from coldpress.data.splits import WordSpans
from coldpress.distillation.augmentation import Augmentation, Variant
from coldpress.model.classifier import Classifier
from coldpress.model.tokenizer_config import find_mask_token

Edit = tuple[int, int, int]
"""Start and end of a part of a text, and the length of what replaced it."""

_CANDIDATES_PER_NEIGHBOUR = 4
"""Nearest tokens to look at per neighbour wanted, since some of them are not whole words."""


def _move_words(words: WordSpans, edits: Sequence[Edit]) -> WordSpans:
    """Return where words are after parts of their text were replaced.

    Args:
        words: Start and end of each word.
        edits: Start and end of each replaced part, in order, and the length of what replaced it.
    """
    return tuple((_move(start, edits, False), _move(end, edits, True)) for start, end in words)


def _move(place: int, edits: Sequence[Edit], is_end: bool) -> int:
    """Return the new place; a place within a replaced part moves to that end of it."""
    shift = 0
    for start, end, length in edits:
        if end <= place:
            shift += length - (end - start)
        elif start < place:
            return start + shift + (length if is_end else 0)
    return place + shift


class WordReplacer:
    """Replaces words at random by a mask, by a neighbour or by any word."""

    def __init__(self, teacher: Classifier, plan: Augmentation) -> None:
        self._tokenizer = teacher.tokenizer
        self._plan = plan
        self._mask = find_mask_token(teacher.tokenizer, teacher.mask_token)
        plan.check_mask(self._mask)
        self._table = nn.functional.normalize(teacher.token_table.weight.detach().cpu(), dim=-1)
        self._cache: dict[int, list[str]] = {}

    def replace_in_variant(self, variant: Variant, rng: np.random.Generator) -> Variant:
        """Replace some words of each text.

        Args:
            variant: A text or a pair.
            rng: Chooses the words and their replacements.
        """
        replaced = [self.replace_words(text, rng) for text in variant.texts]
        words = None if variant.words is None else _move_words(variant.words, replaced[0][1])
        return Variant(tuple(text for text, _ in replaced), words)

    def replace_words(self, text: str, rng: np.random.Generator) -> tuple[str, list[Edit]]:
        """Replace some words of a text.

        Args:
            text: Any text.
            rng: Chooses the words and their replacements.

        Returns:
            The text with everything else, punctuation included, unchanged; and the edits.
        """
        parts: list[str] = []
        edits: list[Edit] = []
        end = 0
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        for start, stop, token in _word_spans(encoding):
            # Byte-level tokenizers count the space before a word as part of it.
            start += len(text[start:stop]) - len(text[start:stop].lstrip())
            replacement = self._replacement(text[start:stop], token, rng)
            parts += [text[end:start], replacement]
            edits.append((start, stop, len(replacement)))
            end = stop
        return "".join([*parts, text[end:]]), edits

    def _replacement(self, word: str, token: int | None, rng: np.random.Generator) -> str:
        if not any(map(str.isalnum, word)):
            return word
        plan, draw = self._plan, rng.random()
        if draw < plan.mask:
            return self._mask
        words: list[str] = []
        if draw < plan.mask + plan.replace:
            words = self.neighbours(token)
        elif draw < plan.mask + plan.replace + plan.random:
            words = self.vocabulary
        return words[rng.integers(len(words))] if words else word

    @cached_property
    def vocabulary(self) -> list[str]:
        """Words of several letters that are one token each."""
        words = map(self._word, range(len(self._table)))
        return [word for word in words if len(word) > 1 and word.isalpha()]

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
