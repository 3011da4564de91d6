"""Trains a WordPiece vocabulary that is the same in every process."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

UNKNOWN_TOKEN = "[UNK]"  # noqa: S105
MASK_TOKEN = "[MASK]"  # noqa: S105
SPECIAL_TOKENS = ("[PAD]", UNKNOWN_TOKEN, "[CLS]", "[SEP]", MASK_TOKEN)


def train_wordpiece(texts: Sequence[str], vocabulary_size: int) -> Tokenizer:
    """Learn the pieces of lower-cased words, and wrap texts as BERT does.

    Args:
        texts: What to learn from.
        vocabulary_size: Most pieces; fewer if the texts have fewer.

    Returns:
        A tokenizer that neither pads nor truncates yet. `[PAD]` is 0.
    """
    tokenizer = _new_tokenizer(WordPiece(unk_token=UNKNOWN_TOKEN))
    # The trainer numbers characters in the order of a randomly seeded hash table, and breaks ties
    # between merges by number. Special tokens are numbered in their given order, before all else.
    trainer = WordPieceTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[*SPECIAL_TOKENS, *_continuation_pieces(tokenizer, texts)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # In a fresh tokenizer the characters are pieces like any other, no longer special.
    trained = _new_tokenizer(WordPiece(tokenizer.get_vocab(), unk_token=UNKNOWN_TOKEN))
    trained.add_special_tokens(list(SPECIAL_TOKENS))
    trained.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, trained.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return trained


def _new_tokenizer(model: WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    return tokenizer


def _continuation_pieces(tokenizer: Tokenizer, texts: Sequence[str]) -> list[str]:
    """Every character that continues a word, as `##c`, sorted."""
    characters: set[str] = set()
    for text in texts:
        normalized = tokenizer.normalizer.normalize_str(text)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized):
            characters.update(word[1:])
    return [f"##{character}" for character in sorted(characters)]
