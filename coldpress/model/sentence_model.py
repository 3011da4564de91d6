"""An encoder with a sentence head, in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import SequenceClassifierOutput

from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.sentence_head import DENSE, Pooling, SentenceHead, read_head

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


class SentenceModel(nn.Module):
    """An encoder, a pooling, and perhaps a linear layer and a normalization.

    The encoder has the path that it has in a classifier of its family, so that everything that
    works on encoders works here. The vectors are called logits, like the outputs of other models.

    Attributes:
        config: The transformers configuration, with `sentence_head`.
    """

    def __init__(self, encoder: nn.Module, config: PreTrainedConfig) -> None:
        """Put a head on an encoder.

        Args:
            encoder: Without a pooler.
            config: Its configuration, with `sentence_head`; a linear layer gets random weights.
        """
        super().__init__()
        self.config = config
        self._encoder_path = ARCHITECTURES[config.model_type].encoder
        self.add_module(self._encoder_path, encoder)
        head = self.head
        if head.dense is not None:
            width = int(cast("Any", config).hidden_size)
            self.add_module(DENSE, nn.Linear(width, head.dense.width, bias=head.dense.bias))

    @property
    def head(self) -> SentenceHead:
        """Description of the head; it can change with surgery."""
        return read_head(self.config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> SequenceClassifierOutput:
        """Compute the vectors of padded texts.

        Args:
            input_ids: Shape (batch, tokens).
            attention_mask: Shape (batch, tokens); 0 at padding.
            token_type_ids: Shape (batch, tokens), for families with segments.
            output_hidden_states: Also return the hidden states.

        Returns:
            `logits` of shape (batch, dimension), and the hidden states if asked for.
        """
        segments = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        output = self.get_submodule(self._encoder_path)(
            input_ids=input_ids,
            attention_mask=attention_mask,
            output_hidden_states=output_hidden_states,
            **segments,
        )
        vectors = pool(output.last_hidden_state, attention_mask, self.head.pooling)
        return SequenceClassifierOutput(
            logits=self._finish(vectors), hidden_states=output.hidden_states
        )

    def _finish(self, vectors: Tensor) -> Tensor:
        """Apply what follows the pooling: (batch, width) to (batch, dimension)."""
        head = self.head
        if head.dense is not None:
            vectors = self.get_submodule(DENSE)(vectors)
            vectors = torch.tanh(vectors) if head.dense.activation == "tanh" else vectors
        return nn.functional.normalize(vectors, dim=1) if head.normalize else vectors


def pool(states: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """Make one vector of the token vectors of each text.

    Args:
        states: Shape (batch, tokens, width).
        attention_mask: Shape (batch, tokens); 0 at padding.
        pooling: How.

    Returns:
        Shape (batch, width).
    """
    if pooling == "cls":
        return states[:, 0]
    mask = attention_mask[:, :, None].to(states.dtype)
    if pooling == "max":
        return states.masked_fill(mask == 0, torch.finfo(states.dtype).min).amax(dim=1)
    count = mask.sum(dim=1)
    return (states * mask).sum(dim=1) / (count if pooling == "mean" else count.sqrt())
