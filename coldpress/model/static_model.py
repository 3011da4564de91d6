"""A model without layers: a table of tokens and hashed n-grams, their sum, and a small network.

Joulin et al. 2016, "Bag of Tricks for Efficient Text Classification", section 2: all n-grams share
a table of fixed size, in the row that their hash names. Here they are n-grams of tokens. The sum is
normalized, and so would be the mean.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import SequenceClassifierOutput

from coldpress.model.architecture import STATIC

MULTIPLIER = 1_000_003
"""Of the hash: odd, and small enough that three tokens of a vocabulary of 2^19 stay below 2^63."""

FEATURE_DROPOUT = 0.25
"""Share of a text's tokens and n-grams that a training step leaves out (Iyyer et al. 2015)."""


class StaticConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of a static model.

    Attributes:
        vocab_size: Number of tokens, which have the first rows of the table.
        ngram_rows: Number of the rows that n-grams share, which follow.
        longest_ngram: Tokens of the longest n-gram, from 1 (there are no n-grams) to 3.
        hidden_size: Width of the table.
        intermediate_size: Neurons of the network.
        max_position_embeddings: Most tokens of a text, which is a limit of the tokenizer only.
    """

    model_type = STATIC

    vocab_size: int = 0
    ngram_rows: int = 0
    longest_ngram: int = 1
    hidden_size: int = 0
    intermediate_size: int = 0
    max_position_embeddings: int = 0
    layer_norm_eps: float = 1e-5
    pad_token_id: int | None = 0


class StaticModel(nn.Module):
    """The model in torch; module paths are those of `WITHOUT_LAYERS`.

    Attributes:
        config: Its sizes.
    """

    def __init__(self, config: StaticConfig) -> None:
        """Build a model with random weights.

        Args:
            config: Sizes, and the number of labels.
        """
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.encoder = nn.Module()
        self.encoder.embeddings = nn.Module()
        rows = config.vocab_size + config.ngram_rows
        self.encoder.embeddings.rows = nn.Embedding(rows, width)
        self.encoder.layers = nn.ModuleList()
        self.encoder.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dense = nn.Linear(width, config.intermediate_size)
        self.classifier = nn.Linear(config.intermediate_size, len(config.id2label or ()))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """Compute the logits of padded texts.

        Args:
            input_ids: Shape (batch, tokens).
            attention_mask: Shape (batch, tokens); 0 at padding, which follows the text.

        Returns:
            `logits` of shape (batch, labels).
        """
        encoder: Any = self.encoder
        rows = encoder.embeddings.rows(feature_rows(input_ids, self.config))
        mask = feature_mask(attention_mask, self.config).float()
        mask = nn.functional.dropout(mask, FEATURE_DROPOUT, self.training)
        # Not a matrix product, which autocast would round to bf16.
        total = (rows * mask[:, :, None]).sum(dim=1)
        neurons = torch.relu(self.dense(encoder.norm(total)))
        return SequenceClassifierOutput(logits=self.classifier(neurons))


def feature_rows(ids: Tensor, config: StaticConfig) -> Tensor:
    """Return the rows of the table that a text adds up: of its tokens, then of its n-grams.

    The hash of tokens a, b is a * MULTIPLIER + b, that of a, b, c the same of the hash of a, b and
    of c; each modulo the number of rows that n-grams share.

    Args:
        ids: Token ids, int64 of shape (batch, tokens).
        config: Sizes.

    Returns:
        int64 of shape (batch, features): for 3 tokens and n-grams up to 2, 3 + 2 features.
    """
    rows = [ids]
    code = ids
    for length in range(2, config.longest_ngram + 1):
        code = code[:, :-1] * MULTIPLIER + ids[:, length - 1 :]
        rows.append(config.vocab_size + code % config.ngram_rows)
    return torch.cat(rows, dim=1)


def feature_mask(mask: Tensor, config: StaticConfig) -> Tensor:
    """Return which features are real: those whose last token is no padding.

    Args:
        mask: Shape (batch, tokens); 0 at padding.
        config: Sizes.

    Returns:
        Shape (batch, features).
    """
    lengths = range(1, config.longest_ngram + 1)
    return torch.cat([mask[:, length - 1 :] for length in lengths], dim=1)
