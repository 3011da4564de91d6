"""A small encoder-decoder for translation and its training, in plain torch.

Vaswani et al., "Attention Is All You Need", 2017: encoder and decoder with sinusoidal positions,
one embedding table for both languages and the output layer (section 3.4), label smoothing 0.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from coldpress.pruning.sparsity import hold_zeros_of
from coldpress.training.dropout import fast_dropout
from coldpress.training.memory import keep_freed_memory
from coldpress.training.step import supports_bf16
from translation_data import BOS, EOS, PAD, Pairs, Sentence

WIDTH = 192
HEADS = 4
NEURONS = 384
LAYERS = 2
DROPOUT = 0.1
MAX_TOKENS = 80
BATCH_TOKENS = 3000
LABEL_SMOOTHING = 0.1
WARMUP_SHARE = 0.1


class Translator(nn.Module):
    """A transformer from source tokens to target tokens."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, std=WIDTH**-0.5)
        self.transformer = nn.Transformer(
            WIDTH, HEADS, LAYERS, LAYERS, NEURONS, DROPOUT, batch_first=True
        )
        # Nested tensors are a prototype of PyTorch and not faster here.
        self.transformer.encoder.use_nested_tensor = False
        _leave_residual_dropout(self.transformer)
        self.register_buffer("positions", _sinusoids(MAX_TOKENS + 1), persistent=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Predict each next target token.

        Args:
            source: Token ids, shape (batch, source tokens).
            target: Token ids from the start token on, shape (batch, target tokens).

        Returns:
            Logits, shape (batch, target tokens, vocabulary).
        """
        return self.scores(self.decode(self.encode(source), source, target))

    def encode(self, source: Tensor) -> Tensor:
        """Return the encoder's states, shape (batch, source tokens, width)."""
        states: Tensor = self.transformer.encoder(
            self.embed(source), src_key_padding_mask=source == PAD
        )
        return states

    def decode(self, memory: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Return the decoder's states, shape (batch, target tokens, width).

        Args:
            memory: From `encode`, shape (batch, source tokens, width).
            source: Token ids, shape (batch, source tokens).
            target: Token ids from the start token on, shape (batch, target tokens).
        """
        later = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        states: Tensor = self.transformer.decoder(
            self.embed(target),
            memory,
            tgt_mask=later,
            tgt_key_padding_mask=target == PAD,
            memory_key_padding_mask=source == PAD,
        )
        return states

    def scores(self, states: Tensor) -> Tensor:
        """Return the logits of the next token, from (..., width) to (..., vocabulary)."""
        return nn.functional.linear(states, self.embedding.weight)

    def embed(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Return embeddings with positions, shape (batch, tokens, width).

        Args:
            tokens: Token ids, shape (batch, tokens).
            start: Position of the first of these tokens in its sentence.
        """
        positions = self.positions
        assert isinstance(positions, Tensor)
        embedded: Tensor = self.embedding(tokens) * math.sqrt(WIDTH)
        return embedded + positions[start : start + tokens.shape[1]]


def weight_matrices(model: Translator) -> list[Tensor]:
    """Return all weight matrices, the embedding table among them, but no biases."""
    return [parameter for parameter in model.parameters() if parameter.ndim > 1]


def train(model: Translator, pairs: Pairs, epochs: int, peak: float) -> None:
    """Train with AdamW, linear warm-up and decay; weights that are zero stay zero.

    Args:
        model: Changed in place.
        pairs: Sentences and their translations.
        epochs: Passes over the pairs.
        peak: Highest learning rate.
    """
    steps = epochs * len(_batches(pairs, shuffled=False))
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    model.train()
    # For short sentences in bf16, plain attention is several times as fast as the fused kernel.
    plain_attention = sdpa_kernel(SDPBackend.MATH)
    zeros = hold_zeros_of(weight_matrices(model))
    with zeros, fast_dropout(), plain_attention, keep_freed_memory():
        for _ in range(epochs):
            for rows in _batches(pairs, shuffled=True):
                optimizer.zero_grad()
                _loss(model, pairs, rows).backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
    model.eval()


def _loss(model: Translator, pairs: Pairs, rows: Sequence[int]) -> Tensor:
    source = pad([pairs.sources[row] for row in rows])
    target = pad([[BOS, *pairs.targets[row], EOS] for row in rows])
    bf16 = torch.autocast("cpu", torch.bfloat16) if supports_bf16() else nullcontext()
    with bf16:
        logits = model(source, target[:, :-1])
    return cross_entropy(
        logits.float().flatten(0, 1),
        target[:, 1:].flatten(),
        ignore_index=PAD,
        label_smoothing=LABEL_SMOOTHING,
    )


def _batches(pairs: Pairs, shuffled: bool) -> list[list[int]]:
    """Group rows of similar length into batches of about 3,000 target tokens."""
    order = torch.randperm(len(pairs)).tolist() if shuffled else range(len(pairs))
    by_length = sorted(order, key=lambda row: (len(pairs.targets[row]), len(pairs.sources[row])))
    batches = list(_cut_batches(pairs, by_length))
    if shuffled:
        return [batches[index] for index in torch.randperm(len(batches)).tolist()]
    return batches


def _cut_batches(pairs: Pairs, by_length: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for row in by_length:
        if batch and (len(batch) + 1) * (len(pairs.targets[row]) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def pad(sentences: Sequence[Sentence]) -> Tensor:
    """Return token ids with padding at the ends, shape (batch, tokens)."""
    longest = max(len(sentence) for sentence in sentences)
    return torch.tensor([[*s, *[PAD] * (longest - len(s))] for s in sentences])


def _leave_residual_dropout(transformer: nn.Transformer) -> None:
    """Section 5.4: dropout on the output of each sublayer, but not inside of one."""
    for module in transformer.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
        elif isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
            module.dropout = nn.Identity()  # type: ignore[assignment]


def _rate(step: int, steps: int) -> float:
    warmup = max(1, int(WARMUP_SHARE * steps))
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))


def _sinusoids(length: int) -> Tensor:
    """Section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i / d)), PE(pos, 2i + 1) = cos(...)."""
    positions = torch.arange(length)[:, None]
    rates = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10_000) / WIDTH))
    table = torch.empty(length, WIDTH)
    table[:, 0::2] = torch.sin(positions * rates)
    table[:, 1::2] = torch.cos(positions * rates)
    return table
