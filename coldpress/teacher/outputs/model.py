"""A classifier of transformers that is run for its outputs, each text by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit, from_encodings
from coldpress.data.equal_lengths import unpadded_batches
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds.kind import TaskKind
from coldpress.model.output_head import model_class
from coldpress.teacher.outputs.checks import load_tokenizer
from coldpress.teacher.tokenizer.loading import convert_load_errors

_BATCH_SIZE = 32


@dataclass(frozen=True)
class OutputsModel:
    """A model and its tokenizer as transformers loads them.

    Rows of a batch have the same number of tokens, so that nothing is padded: outputs depend
    neither on the side of the padding nor on a padding token, which decoders often lack.

    Attributes:
        module: In float32 and in evaluation mode.
        tokenizer: A fast tokenizer.
        max_tokens: Longer texts are truncated to this length.
    """

    module: nn.Module
    tokenizer: Any
    max_tokens: int

    def encode(self, split: Split) -> EncodedSplit:
        """Tokenize a split with the model's tokenizer.

        Args:
            split: Texts or pairs of texts.
        """
        pairs = None if split.pairs is None else list(split.pairs)
        encoded = self.tokenizer(
            list(split.texts), pairs, truncation=True, max_length=self.max_tokens
        )
        return from_encodings(encoded.encodings, split, self.padding_id or 0)

    @property
    def padding_id(self) -> int | None:
        """Id of the padding token; None if the model has none."""
        value = getattr(self.module.config, "pad_token_id", None)
        return None if value is None else int(value)

    @torch.inference_mode()
    def outputs(self, rows: EncodedSplit) -> NDArray[np.float32]:
        """Compute the outputs of every unit.

        Args:
            rows: Encoded by `encode`.

        Returns:
            Shape (units, outputs), in the order of the units; 0 for words that are truncated.
        """
        outputs: NDArray[np.float32] | None = None
        # transformers refuses batches of decoders without a padding token.
        for batch in unpadded_batches(rows, 1 if self.padding_id is None else _BATCH_SIZE):
            logits = batch.select_units(
                self.forward(batch.input_ids, batch.token_type_ids, batch.attention_mask)
            )
            if outputs is None:
                outputs = np.zeros((rows.unit_count, logits.shape[1]), dtype=np.float32)
            outputs[batch.units] = logits.numpy()
        return np.zeros((0, 0), dtype=np.float32) if outputs is None else outputs

    def forward(
        self, ids: NDArray[np.int64], segments: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> Tensor:
        """Run the module.

        Args:
            ids: Token ids, shape (batch, tokens).
            segments: Segment ids, of the same shape; not all models read them.
            mask: 0 for padding, of the same shape.

        Returns:
            Shape (batch, outputs), or (batch, tokens, outputs).
        """
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in self.tokenizer.model_input_names:
            inputs["token_type_ids"] = torch.from_numpy(segments)
        logits: Tensor = self.module(**inputs).logits
        return logits.float()


def load_outputs_model(
    directory: Path, kind: TaskKind, max_tokens: int, place: str
) -> OutputsModel:
    """Load a model with its weights.

    Args:
        directory: Its checked directory.
        kind: Its task kind.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.
        place: The model's name in error messages.

    Raises:
        InputError: It cannot be loaded, or lacks weights.
    """
    tokenizer = load_tokenizer(directory, place)
    with convert_load_errors(place, "the model"):
        module, report = model_class(kind).from_pretrained(
            directory,
            dtype=torch.float32,
            local_files_only=True,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    missing: Sequence[str] = sorted(report["missing_keys"])
    if missing:
        raise InputError(f"{place}: the weights lack {missing[0]}")
    capacity = getattr(module.config, "max_position_embeddings", None) or max_tokens
    limit = min(max_tokens, int(capacity), int(tokenizer.model_max_length))
    return OutputsModel(module.eval(), tokenizer, limit)
