"""Token ids from the teacher's tokenizer, for the libraries that read arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from peers.workers.protocol import Served

Arrays = dict[str, NDArray[np.int64]]
"""`input_ids`, `attention_mask` and `token_type_ids`, each of shape (texts, tokens)."""

Logits = Callable[[Arrays], NDArray[np.float32]]
"""Returns logits of shape (texts, labels)."""


def load_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    """Load the fast tokenizer of a checkpoint.

    Args:
        folder: Contains `tokenizer.json`.
        max_tokens: Longer texts are cut.

    Returns:
        A tokenizer that pads a batch to its longest text.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    pad = next(token for token in ("[PAD]", "<pad>") if tokenizer.token_to_id(token) is not None)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id(pad), pad_token=pad)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> Arrays:
    """Encode texts as one batch.

    Args:
        tokenizer: From `load_tokenizer`.
        texts: The texts; a single one is not padded.

    Returns:
        The arrays.
    """
    # encode_batch starts threads, which a single text does not repay.
    rows = [tokenizer.encode(texts[0])] if len(texts) == 1 else tokenizer.encode_batch(list(texts))
    return {
        "input_ids": np.array([row.ids for row in rows], dtype=np.int64),
        "attention_mask": np.array([row.attention_mask for row in rows], dtype=np.int64),
        "token_type_ids": np.array([row.type_ids for row in rows], dtype=np.int64),
    }


def serve_logits(
    logits: Logits, tokenizer: Tokenizer, labels: Sequence[str], inputs: Sequence[str]
) -> Served:
    """Make a model of a function from token ids to logits.

    Args:
        logits: The function.
        tokenizer: From `load_tokenizer`.
        labels: Label names, in the order of the logits.
        inputs: Names of the arrays that the function reads.

    Returns:
        A model that reads texts and token ids.
    """

    def arrays(texts: Sequence[str]) -> Arrays:
        batch = encode(tokenizer, texts)
        return {name: batch[name] for name in inputs}

    def predict(texts: Sequence[str]) -> list[str]:
        return [labels[index] for index in logits(arrays(texts)).argmax(axis=1).tolist()]

    return Served(predict, lambda text: arrays([text]), logits)
