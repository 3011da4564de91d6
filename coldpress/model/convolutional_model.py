"""A model without layers: a table of tokens, one convolution over them, and its maxima.

Kim 2014, "Convolutional Neural Networks for Sentence Classification", section 2: a filter reads a
window of neighbouring tokens, and the largest of its values in a text is a feature of the text. The
convolution is a linear module that reads the concatenated rows of a window, so that it is quantized
and exported like every other linear module.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import SequenceClassifierOutput

from coldpress.model.architecture import CONVOLUTION


class ConvolutionalConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of a convolutional model.

    Attributes:
        vocab_size: Number of tokens.
        hidden_size: Width of the table.
        window: Number of neighbouring tokens that a filter reads.
        filters: Number of filters.
        max_position_embeddings: Most tokens of a text, which is a limit of the tokenizer only.
        pad_token_id: Its row is 0, as is what a window reads after the end of a text.
    """

    model_type = CONVOLUTION

    vocab_size: int = 0
    hidden_size: int = 0
    window: int = 1
    filters: int = 0
    max_position_embeddings: int = 0
    pad_token_id: int | None = 0


class ConvolutionalModel(nn.Module):
    """The model in torch; module paths are those of `WITHOUT_LAYERS`.

    Attributes:
        config: Its sizes.
    """

    def __init__(self, config: ConvolutionalConfig) -> None:
        """Build a model with random weights.

        Args:
            config: Sizes, and the number of labels.
        """
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.encoder = nn.Module()
        self.encoder.embeddings = nn.Module()
        padding = config.pad_token_id
        self.encoder.embeddings.rows = nn.Embedding(config.vocab_size, width, padding_idx=padding)
        self.encoder.layers = nn.ModuleList()
        self.encoder.convolution = nn.Linear(config.window * width, config.filters)
        self.classifier = nn.Linear(config.filters, len(config.id2label or ()))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """Compute the logits of padded texts.

        Args:
            input_ids: Shape (batch, tokens).
            attention_mask: Shape (batch, tokens); 0 at padding, which follows the text.

        Returns:
            `logits` of shape (batch, labels).
        """
        encoder: Any = self.encoder
        values = encoder.convolution(self._windows(input_ids)) * attention_mask[:, :, None]
        # No maximum is below the 0 of an activation function, nor below that of padding.
        features = torch.relu(values.amax(dim=1))
        return SequenceClassifierOutput(logits=self.classifier(features))

    def _windows(self, ids: Tensor) -> Tensor:
        """Join the row of each token with those of the tokens that follow it.

        Args:
            ids: Shape (batch, tokens).

        Returns:
            Shape (batch, tokens, window * width).
        """
        encoder: Any = self.encoder
        following = self.config.window - 1
        padded = nn.functional.pad(ids, (0, following), value=self.config.pad_token_id or 0)
        rows = encoder.embeddings.rows(padded)
        starts = range(self.config.window)
        return torch.cat([rows[:, start : start + ids.shape[1]] for start in starts], dim=2)
