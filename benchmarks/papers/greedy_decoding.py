"""Greedy translation: the likeliest token at each step, one position at a time.

Earlier positions of a decoder do not depend on later ones. Each layer therefore keeps its inputs,
and only the last position is computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from translation import LAYERS, MAX_TOKENS, Translator, pad
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
    memory, padding = model.encode(source), source == PAD
    target = torch.full((len(source), 1), BOS)
    unfinished = torch.arange(len(source))
    inputs = [memory[:, :0]] * LAYERS
    # Translations are rarely longer; those of a broken model would go on.
    limit = min(MAX_TOKENS, source.shape[1] * 3 // 2 + 10)
    while target.shape[1] < limit and len(unfinished):
        last = model.embed(target[unfinished, -1:], start=target.shape[1] - 1)
        states = _decode_last(model, last, inputs, memory[unfinished], padding[unfinished])
        column = torch.full((len(source), 1), PAD)
        column[unfinished, 0] = following = model.scores(states[:, 0]).argmax(dim=-1)
        target = torch.cat([target, column], dim=1)
        goes_on = following != EOS
        unfinished = unfinished[goes_on]
        inputs = [kept[goes_on] for kept in inputs]
    return [row[1:] for row in target.tolist()]


def _decode_last(
    model: Translator, states: Tensor, inputs: list[Tensor], memory: Tensor, padding: Tensor
) -> Tensor:
    """Return the decoder's states of the last position, shape (batch, 1, width).

    Args:
        model: In evaluation mode.
        states: Embedding of the last token, shape (batch, 1, width).
        inputs: Of each layer at earlier positions, each (batch, tokens, width); extended in place.
        memory: States of the encoder, shape (batch, source tokens, width).
        padding: True where the source has no token, shape (batch, source tokens).
    """
    decoder = model.transformer.decoder
    for number, layer in enumerate(decoder.layers):
        kept = inputs[number] = torch.cat([inputs[number], states], dim=1)
        attended, _ = layer.self_attn(states, kept, kept, need_weights=False)
        states = layer.norm1(states + attended)
        attended, _ = layer.multihead_attn(states, memory, memory, padding, need_weights=False)
        states = layer.norm2(states + attended)
        states = layer.norm3(states + layer.linear2(layer.activation(layer.linear1(states))))
    result: Tensor = decoder.norm(states)
    return result


def _cut_at_end(tokens: Sentence) -> Sentence:
    return tokens[: tokens.index(EOS)] if EOS in tokens else tokens
