"""Greedy translation: the likeliest token at each step, one position at a time.

Earlier positions of a decoder do not depend on later ones. Each layer therefore keeps keys and
values, and only the last position is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from translation import MAX_TOKENS, Translator, pad
from translation_data import BOS, EOS, PAD, Sentence

BATCH = 128


@torch.inference_mode()
def translate(model: Translator, sources: Sequence[Sentence]) -> list[Sentence]:
    """Translate sentences, taking the likeliest token at each step.

    Args:
        model: In evaluation mode.
        sources: Token ids of each sentence.

    Returns:
        Token ids of each translation, without the end token.
    """
    order = sorted(range(len(sources)), key=lambda row: len(sources[row]))
    translations: dict[int, Sentence] = {}
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        decoded = _decode(model, pad([sources[row] for row in rows]))
        translations.update(zip(rows, map(_cut_at_end, decoded), strict=True))
    return [translations[row] for row in range(len(sources))]


def _decode(model: Translator, source: Tensor) -> list[Sentence]:
    """Append tokens until each sentence ends; sentences that ended are not computed further."""
    target = torch.full((len(source), 1), BOS)
    unfinished = torch.arange(len(source))
    caches = _empty_caches(model, source)
    attendable = (source != PAD)[:, None, None]
    # Translations are rarely longer; those of a broken model would go on.
    limit = min(MAX_TOKENS, source.shape[1] * 3 // 2 + 10)
    while target.shape[1] < limit and len(unfinished):
        states = model.embed(target[unfinished, -1:], start=target.shape[1] - 1)
        states = _decode_last(model, states, caches, attendable)
        following = model.scores(states[:, 0]).argmax(dim=-1)
        column = torch.full((len(source), 1), PAD)
        column[unfinished, 0] = following
        target = torch.cat([target, column], dim=1)
        goes_on = following != EOS
        unfinished, attendable = unfinished[goes_on], attendable[goes_on]
        caches = [cache.select(goes_on) for cache in caches]
    return [row[1:] for row in target.tolist()]


@dataclass
class _Cache:
    """Keys and values of one layer, each (batch, heads, tokens, width of a head).

    Attributes:
        keys: Of earlier positions.
        values: Of earlier positions.
        source_keys: Of the source tokens.
        source_values: Of the source tokens.
    """

    keys: Tensor
    values: Tensor
    source_keys: Tensor
    source_values: Tensor

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Add a position."""
        self.keys = torch.cat([self.keys, keys], dim=2)
        self.values = torch.cat([self.values, values], dim=2)

    def select(self, rows: Tensor) -> _Cache:
        """Return the cache of some rows, given as a mask of shape (batch)."""
        mine = (self.keys, self.values, self.source_keys, self.source_values)
        return _Cache(*(tensor[rows] for tensor in mine))


def _empty_caches(model: Translator, source: Tensor) -> list[_Cache]:
    memory = model.encode(source)
    caches = []
    for layer in model.transformer.decoder.layers:
        _, keys, values = _project(layer.multihead_attn, memory)
        caches.append(_Cache(keys[:, :, :0], values[:, :, :0], keys, values))
    return caches


def _decode_last(
    model: Translator, states: Tensor, caches: Sequence[_Cache], attendable: Tensor
) -> Tensor:
    """Return the decoder's states of the last position, shape (batch, 1, width).

    Args:
        model: In evaluation mode.
        states: Embedding of the last token, shape (batch, 1, width).
        caches: Of each layer; the position is appended to them.
        attendable: True where the source has a token, shape (batch, 1, 1, source tokens).
    """
    decoder = model.transformer.decoder
    for layer, cache in zip(decoder.layers, caches, strict=True):
        queries, keys, values = _project(layer.self_attn, states)
        cache.append(keys, values)
        attended = scaled_dot_product_attention(queries, cache.keys, cache.values)
        states = layer.norm1(states + _join_heads(layer.self_attn, attended))
        queries, _, _ = _project(layer.multihead_attn, states)
        attended = scaled_dot_product_attention(
            queries, cache.source_keys, cache.source_values, attendable
        )
        states = layer.norm2(states + _join_heads(layer.multihead_attn, attended))
        states = layer.norm3(states + layer.linear2(layer.activation(layer.linear1(states))))
    result: Tensor = decoder.norm(states)
    return result


def _project(attention: nn.MultiheadAttention, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, each (batch, heads, tokens, width of a head)."""
    joined = linear(states, attention.in_proj_weight, attention.in_proj_bias)
    heads = joined.reshape(*states.shape[:2], 3, attention.num_heads, -1)
    queries, keys, values = heads.permute(2, 0, 3, 1, 4)
    return queries, keys, values


def _join_heads(attention: nn.MultiheadAttention, attended: Tensor) -> Tensor:
    output: Tensor = attention.out_proj(attended.transpose(1, 2).flatten(2))
    return output


def _cut_at_end(tokens: Sentence) -> Sentence:
    return tokens[: tokens.index(EOS)] if EOS in tokens else tokens
