"""A tiny DeBERTa-v3 with a Unigram tokenizer, as pretrained files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import UnigramTrainer
from torch import nn
from transformers import (
    AutoConfig,
    DebertaV2ForSequenceClassification,
    PreTrainedTokenizerFast,
)

SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
V3: dict[str, Any] = {
    "relative_attention": True,
    "position_biased_input": False,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "pos_att_type": "p2c|c2p",
    "type_vocab_size": 0,
    "max_relative_positions": -1,
}
"""What distinguishes DeBERTa-v3 from the defaults of transformers."""


def unigram_tokenizer(texts: Sequence[str], size: int) -> Tokenizer:
    """Train a Unigram tokenizer that wraps texts as DeBERTa's does."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = NFKC()
    tokenizer.pre_tokenizer = Metaspace()
    trainer = UnigramTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return tokenizer


def build_deberta(vocabulary: int, **sizes: Any) -> DebertaV2ForSequenceClassification:  # noqa: ANN401
    """Build a random DeBERTa-v3: 3 layers of 4 heads, 32 wide, unless `sizes` say otherwise."""
    torch.manual_seed(0)
    defaults = {
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "position_buckets": 16,
        "max_position_embeddings": 64,
    }
    config = AutoConfig.for_model(
        "deberta-v2", vocab_size=vocabulary, **{**V3, **defaults, **sizes}
    )
    model: Any = DebertaV2ForSequenceClassification
    module: DebertaV2ForSequenceClassification = model(config).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module


def write_deberta(directory: Path, texts: Sequence[str]) -> None:
    """Write model and tokenizer as transformers does."""
    tokenizer = unigram_tokenizer(texts, 400)
    names = dict(zip(("pad", "cls", "sep", "unk", "mask"), SPECIAL, strict=True))
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(directory)
    build_deberta(tokenizer.get_vocab_size()).save_pretrained(directory)
