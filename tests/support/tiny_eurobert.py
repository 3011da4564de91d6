"""A tiny EuroBERT with a tokenizer of Llama 3's kind, as pretrained files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.processors import ByteLevel as ByteOffsets
from tokenizers.processors import Sequence as Processors
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from torch import nn
from transformers import EuroBertConfig, EuroBertForSequenceClassification, PreTrainedTokenizerFast

FIRST, LAST, MASK = "<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+"


def llama_bpe(texts: Sequence[str], size: int) -> Tokenizer:
    """Train a byte-level BPE that takes a whole word of its vocabulary without merges."""
    tokenizer = Tokenizer(BPE(ignore_merges=True))
    words = Split(Regex(WORDS), "isolated")
    tokenizer.pre_tokenizer = PreTokenizers(
        [words, ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[FIRST, LAST, MASK],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    template = TemplateProcessing(
        single=f"{FIRST} $A {LAST}",
        pair=f"{FIRST} $A {LAST} {FIRST} $B {LAST}",
        special_tokens=[(FIRST, 0), (LAST, 1)],
    )
    tokenizer.post_processor = Processors([ByteOffsets(trim_offsets=False), template])
    return tokenizer


def build_eurobert(vocabulary: int, **sizes: Any) -> EuroBertForSequenceClassification:  # noqa: ANN401
    """Build 3 layers, 32 wide; four heads share the keys and values of two."""
    torch.manual_seed(0)
    defaults: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "rope_parameters": {"rope_type": "default", "rope_theta": 250000.0},
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
        "mask_token_id": 2,
    }
    config = EuroBertConfig(vocab_size=vocabulary, **{**defaults, **sizes})
    model: Any = EuroBertForSequenceClassification
    module: EuroBertForSequenceClassification = model(config).eval()
    for name, parameter in module.named_parameters():
        nn.init.normal_(parameter, std=0.2, mean=1.0 if "norm" in name else 0.0)
    return module


def write_eurobert(directory: Path, texts: Sequence[str]) -> EuroBertForSequenceClassification:
    """Write model and tokenizer; config.json has the older names that the published ones have."""
    tokenizer = llama_bpe(texts, 400)
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        bos_token=FIRST,
        eos_token=LAST,
        pad_token=LAST,
        mask_token=MASK,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(directory)
    module = build_eurobert(tokenizer.get_vocab_size())
    module.save_pretrained(directory)
    path = directory / "config.json"
    config = json.loads(path.read_text())
    theta = config.pop("rope_parameters")["rope_theta"]
    code = {"AutoConfig": "configuration_eurobert.EuroBertConfig"}
    published = {"rope_theta": theta, "rope_scaling": None, "auto_map": code, "clf_pooling": "late"}
    path.write_text(json.dumps(config | published))
    return module
