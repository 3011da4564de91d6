"""Words replaced by a mask or by a neighbour in the teacher's own embedding table.

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
"""Of the nearest tokens some are no words: this many times as many are looked at."""


def make_variants(teacher: Classifier, rows: Split, plan: Augmentation, seed: int) -> Split:
    """Make variants of texts.

    Args:
        teacher: Brings the tokenizer and the table.
        rows: Texts or pairs.
        plan: How many variants, and how much of them is replaced.
        seed: Of every draw.

    Returns:
        Unlabelled rows, none of which stands in `rows` or twice.

    Raises:
        InputError: Words are to be masked, and the tokenizer has no token for that.
    """
    draw, substitutes = np.random.default_rng(seed), WordReplacer(teacher, plan)
    columns = [rows.texts] if rows.pairs is None else [rows.texts, rows.pairs]
    originals = list(zip(*columns, strict=True))
    known, made = set(originals), list[tuple[str, ...]]()
    for texts in originals * plan.copies:
        varied = tuple(substitutes.vary(text, draw) for text in texts)
        if varied not in known:
            known.add(varied)
            made.append(varied)
    firsts, *seconds = (tuple(column) for column in zip(*made, strict=True)) if made else ((),)
    pairs = None if rows.pairs is None else seconds[0] if seconds else ()
    return Split(row_ids(firsts, pairs), firsts, pairs, ())


class WordReplacer:
    """What may stand in the place of a word."""

    def __init__(self, teacher: Classifier, plan: Augmentation) -> None:
        self._tokenizer, self._plan = teacher.tokenizer, plan
        self._mask = find_mask_token(teacher.tokenizer, teacher.mask_token)
        plan.check_mask(self._mask)
        self._table = nn.functional.normalize(teacher.token_table.weight.detach().cpu(), dim=-1)
        self._known: dict[int, list[str]] = {}

    def vary(self, text: str, draw: np.random.Generator) -> str:
        """Replace some words of a text.

        Args:
            text: As it was written.
            draw: Decides which, and by what.

        Returns:
            The text with everything else, punctuation too, as it was.
        """
        parts, end = [], 0
        for start, stop, token in _word_spans(
            self._tokenizer.encode(text, add_special_tokens=False)
        ):
            # Byte-level tokenizers count the space before a word to it.
            start += len(text[start:stop]) - len(text[start:stop].lstrip())
            parts += [text[end:start], self._instead(text[start:stop], token, draw)]
            end = stop
        return "".join([*parts, text[end:]])

    def _instead(self, word: str, token: int | None, draw: np.random.Generator) -> str:
        if not any(map(str.isalnum, word)):
            return word
        chance = draw.random()
        if chance < self._plan.mask:
            return self._mask
        candidates = self.of(token) if chance < self._plan.mask + self._plan.replace else []
        return candidates[draw.integers(len(candidates))] if candidates else word

    def of(self, token: int | None) -> list[str]:
        """Return the words nearest to a token, by the cosine of their embeddings.

        Args:
            token: Its id; none for a word of several tokens, which has no row of its own.

        Returns:
            At most `neighbours` words of one token each, nearest first.
        """
        if token is None or token >= len(self._table):
            return []
        if token not in self._known and not self._word(token, leading=True):
            # Unknown words share one row, which is near to nothing in particular.
            self._known[token] = []
        if token not in self._known:
            near = self._table @ self._table[token]
            near[token] = -2.0
            count = min(_CANDIDATES_PER_NEIGHBOUR * self._plan.neighbours, len(near) - 1)
            words = (self._word(other) for other in near.topk(count).indices.tolist())
            found = [word for word in words if word]
            self._known[token] = found[: self._plan.neighbours]
        return self._known[token]

    def _word(self, token: int, leading: bool = False) -> str:
        """What a token says, if inside of a text (or leading one) it is read as this very token."""
        said: str = self._tokenizer.decode([token]).strip()
        places = (f" {said}", said) if leading else (f" {said}",)
        read = [self._tokenizer.encode(text, add_special_tokens=False).ids for text in places]
        return said if [token] in read else ""


def _word_spans(encoding: Encoding) -> Iterator[tuple[int, int, int | None]]:
    """Where each word starts and stops, and its token if it is a single one."""
    pieces: dict[int, list[int]] = {}
    words: Sequence[int | None] = encoding.word_ids
    for place, word in enumerate(words):
        if word is not None:
            pieces.setdefault(word, []).append(place)
    for places in pieces.values():
        token = encoding.ids[places[0]] if len(places) == 1 else None
        yield encoding.offsets[places[0]][0], encoding.offsets[places[-1]][1], token
