"""A tokenizer that has little in common with that of the fixtures."""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

NAMES = ("<s>", "<pad>", "</s>", "<unk>", "fast", "warm", "slow", "oil", "olive", "press", "cold")


def foreign_tokenizer() -> Tokenizer:
    """Twelve word pieces with other ids, without `stone`, and with a word of no text."""
    ids = {name: number for number, name in enumerate((*NAMES, "cabbage"))}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer
