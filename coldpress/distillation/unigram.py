"""Train a Unigram tokenizer reproducibly, with the special tokens of another tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer
from tokenizers.decoders import Metaspace as MetaspaceDecoder
from tokenizers.models import Unigram
from tokenizers.normalizers import NFKC, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import UnigramTrainer

from coldpress.errors import InputError

SPACE = "▁"
"""Character that stands for the space before a word."""

_UNKNOWN_TOKENS = ("[UNK]", "<unk>")
_SCORE_DIGITS = 6
_RARE_STEP = 1e-4


@dataclass(frozen=True)
class SpecialTokens:
    """Tokens that are not pieces of texts.

    Attributes:
        names: All of them; their positions are their ids.
        unknown: The one for characters that are not in the vocabulary.
        before: Those before each text.
        after: Those after each text.
        lowercase: Whether texts are lower-cased.
    """

    names: tuple[str, ...]
    unknown: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    lowercase: bool


def read_special_tokens(tokenizer: Tokenizer, ids: Sequence[int]) -> SpecialTokens:
    """Read the special tokens of a tokenizer, and where it puts them.

    Args:
        tokenizer: Any tokenizer.
        ids: Ascending ids of further tokens to keep, such as that of the padding.
    """
    unknown = unknown_token(tokenizer)
    encoded = tokenizer.encode("a")
    mask = encoded.special_tokens_mask
    start, end = mask.index(0), len(mask) - mask[::-1].index(0)
    vocabulary = tokenizer.get_vocab()
    tokens = {token_id: token for token, token_id in vocabulary.items()}
    special_ids = {*ids, *encoded.ids[:start], *encoded.ids[end:], vocabulary[unknown]}
    normalizer = tokenizer.normalizer
    return SpecialTokens(
        names=tuple(tokens[token_id] for token_id in sorted(special_ids)),
        unknown=unknown,
        before=tuple(encoded.tokens[:start]),
        after=tuple(encoded.tokens[end:]),
        lowercase=normalizer is not None and normalizer.normalize_str("A") == "a",
    )


def unknown_token(tokenizer: Tokenizer) -> str:
    """Return the name of the token for unknown text.

    Args:
        tokenizer: Any tokenizer.

    Raises:
        InputError: It has none of the usual names.
    """
    for name in _UNKNOWN_TOKENS:
        if tokenizer.token_to_id(name) is not None:
            return name
    raise InputError(
        "distill.student.vocabulary: the teacher's tokenizer has none of the tokens"
        f" {', '.join(_UNKNOWN_TOKENS)} for unknown characters"
    )


def train_unigram(texts: Sequence[str], pieces: int, special: SpecialTokens) -> Tokenizer:
    """Train a Unigram tokenizer (Kudo 2018). The result is the same in every process.

    Args:
        texts: The training texts.
        pieces: Largest number of pieces, with the special tokens.
        special: Their ids are the first ones.

    Returns:
        A tokenizer without padding or truncation.

    Raises:
        InputError: The texts have more different characters than there are pieces.
    """
    tokenizer = _new_tokenizer(Unigram(), special)
    trainer = UnigramTrainer(
        vocab_size=pieces,
        special_tokens=list(special.names),
        unk_token=special.unknown,
        show_progress=False,
    )
    try:
        tokenizer.train_from_iterator(texts, trainer)
    except Exception as error:  # the library raises no other type
        reason = " ".join(str(error).split())
        raise InputError(f"distill.student.vocabulary: {pieces}: {reason}") from error
    return _number_pieces(tokenizer, special)


def _number_pieces(tokenizer: Tokenizer, special: SpecialTokens) -> Tokenizer:
    """Rebuild the tokenizer with the special tokens first, then the pieces by score."""
    learned = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores = _reproducible_scores({p: score for p, score in learned if p not in special.names})
    pieces = sorted(scores.items(), key=lambda piece: (-piece[1], piece[0]))
    vocabulary = [*((name, 0.0) for name in special.names), *pieces]
    trained = _new_tokenizer(Unigram(vocabulary, special.names.index(special.unknown)), special)
    trained.add_special_tokens(list(special.names))
    around = (*special.before, *special.after)
    trained.post_processor = TemplateProcessing(
        single=" ".join((*special.before, "$A", *special.after)),
        special_tokens=[(name, special.names.index(name)) for name in dict.fromkeys(around)],
    )
    return trained


def _reproducible_scores(scores: Mapping[str, float]) -> dict[str, float]:
    """Remove what depends on the order of the trainer's randomly seeded hash tables.

    These are the last digits of sums, and the order of rare characters: the trainer adds them with
    scores at steps of 0.0001 above the lowest one.
    """
    characters = [piece for piece in scores if len(piece) == 1]
    least = min(scores.values())
    highest = least + _RARE_STEP * (len(characters) + 1)
    rare = {character for character in characters if scores[character] <= highest}
    return {p: round(least if p in rare else s, _SCORE_DIGITS) for p, s in scores.items()}


def _new_tokenizer(model: Unigram, special: SpecialTokens) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = Normalizers([NFKC(), *([Lowercase()] if special.lowercase else [])])
    tokenizer.pre_tokenizer = Metaspace(SPACE)
    tokenizer.decoder = MetaspaceDecoder(SPACE)
    return tokenizer
