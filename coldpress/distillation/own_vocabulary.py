"""A vocabulary of the student's own, for texts that the teacher's was not made for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from coldpress.data.encoding import find_pad_id
from coldpress.data.splits import Split
from coldpress.distillation.unigram import (
    SPACE,
    SpecialTokens,
    read_special_tokens,
    train_unigram,
)
from coldpress.model.classifier import Classifier
from coldpress.model.token_surgery import keep_tokens, required_tokens
from coldpress.model.tokenizer_config import find_mask_token


def replace_vocabulary(teacher: Classifier, pieces: int | None, rows: Split) -> Classifier:
    """Return a teacher that reads the tokens of its students.

    Each piece starts with the mean of the rows of the teacher's tokens for its text: a word that
    the teacher has as a token starts with its row. A piece that the teacher cannot read starts with
    the mean of all rows.

    Args:
        teacher: Not changed.
        pieces: Largest number of pieces of the new vocabulary; None: the teacher's vocabulary.
        rows: The transfer set, on whose texts the vocabulary is trained.

    Raises:
        InputError: The teacher's tokenizer has no token for unknown text, or the texts have more
            different characters than there are pieces.
    """
    if pieces is None:
        return teacher
    old = teacher.tokenizer
    special = read_special_tokens(old, _needed_ids(teacher))
    tokenizer = train_unigram(rows.texts, pieces, special)
    _copy_limits(old, tokenizer)
    old_ids = old.get_vocab()
    replaced = keep_tokens(teacher, [old_ids[name] for name in special.names], tokenizer)
    table = replaced.token_table
    new_rows = _piece_rows(teacher, _list_pieces(tokenizer, special), special)
    table.weight = nn.Parameter(torch.cat([table.weight.detach(), new_rows]))
    table.num_embeddings = replaced.config.vocab_size = len(table.weight)
    return replaced


def _needed_ids(teacher: Classifier) -> list[int]:
    """Return the ids that the model needs whatever the texts are, and that of its mask token."""
    tokenizer = teacher.tokenizer
    mask = tokenizer.token_to_id(find_mask_token(tokenizer, teacher.mask_token))
    padding = find_pad_id(tokenizer)
    return sorted({padding, *required_tokens(teacher), *([] if mask is None else [mask])})


def _copy_limits(old: Tokenizer, new: Tokenizer) -> None:
    """Truncate as the old tokenizer does, and name its padding token if it does."""
    if old.truncation:
        new.enable_truncation(**old.truncation)
    if old.padding:
        name = old.padding["pad_token"]
        new.enable_padding(pad_id=new.token_to_id(name), pad_token=name)


def _list_pieces(tokenizer: Tokenizer, special: SpecialTokens) -> list[str]:
    """Return the pieces after the special tokens, in the order of their ids."""
    ids = tokenizer.get_vocab()
    return sorted(ids.keys() - set(special.names), key=ids.__getitem__)


def _piece_rows(teacher: Classifier, pieces: Sequence[str], special: SpecialTokens) -> Tensor:
    """Return the first embedding of each piece, shape (pieces, width)."""
    tokenizer = teacher.tokenizer
    table = teacher.token_table.weight.detach()
    texts = [piece.replace(SPACE, " ").strip() for piece in pieces]
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    unknown = tokenizer.token_to_id(special.unknown)
    mean = table.mean(dim=0)
    readable = [[token for token in e.ids if token != unknown] for e in encodings]
    return torch.stack([table[ids].mean(dim=0) if ids else mean for ids in readable])
