"""Tiny random classifiers of families that Coldpress does not compress, as directories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import AutoConfig, PreTrainedTokenizerFast
from transformers import (
    AutoModelForSequenceClassification as ForTexts,
)
from transformers import (
    AutoModelForTokenClassification as ForTokens,
)

WORDS = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
}


def save_decoder(
    directory: Path,
    family: str = "qwen3",
    labels: tuple[str, ...] = ("cold", "warm"),
    padded: bool = True,
    tokens: bool = False,
    side: str = "right",
) -> Path:
    """Save a random decoder with a classification head, and a tokenizer of a few words.

    Args:
        directory: A new directory.
        family: Model type in transformers.
        labels: Names of the outputs.
        padded: Whether model and tokenizer have a padding token.
        tokens: Classify each token instead of the text.
        side: Side that the tokenizer pads.

    Returns:
        The directory.
    """
    names = ("[PAD]", "[UNK]", *WORDS)
    tokenizer = Tokenizer(WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    padding = {"pad_token": "[PAD]", "padding_side": side} if padded else {}
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer, unk_token="[UNK]", model_max_length=32, **padding
    ).save_pretrained(directory)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(names),
        pad_token_id=0 if padded else None,
        id2label=dict(enumerate(labels)),
        label2id={name: number for number, name in enumerate(labels)},
        **SIZES,
    )
    torch.manual_seed(0)
    build: Any = ForTokens if tokens else ForTexts
    module = build.from_config(config)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    module.save_pretrained(directory)
    return directory
