"""Train a WordPiece tokenizer reproducibly."""

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
    """Train a lower-casing WordPiece tokenizer with the special tokens of BERT.

    The result is the same in every process.

    Args:
        texts: The training texts.
        vocabulary_size: Largest number of word pieces.

    Returns:
        A tokenizer without padding or truncation. The id of `[PAD]` is 0.
    """
    tokenizer = _new_tokenizer(WordPiece(unk_token=UNKNOWN_TOKEN))
    # The trainer numbers characters in the order of a randomly seeded hash table, and breaks ties
    # between merges by number. Special tokens come first, in the order of the list, so the
    # continuation pieces are passed as special tokens.
    trainer = WordPieceTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[*SPECIAL_TOKENS, *_continuation_pieces(tokenizer, texts)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # A new tokenizer with the same vocabulary: the pieces are no longer special tokens.
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
    """List every character that continues a word, as `##c`, sorted."""
    characters: set[str] = set()
    for text in texts:
        normalized = tokenizer.normalizer.normalize_str(text)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized):
            characters.update(word[1:])
    return [f"##{character}" for character in sorted(characters)]
