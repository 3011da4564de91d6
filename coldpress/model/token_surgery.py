"""Remove tokens from a model's token table; the source classifier is never changed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import nn

from coldpress.model.classifier import Classifier


def keep_tokens(classifier: Classifier, ids: Sequence[int], tokenizer: Tokenizer) -> Classifier:
    """Return a copy with only the given rows of the token table.

    Args:
        classifier: The source.
        ids: Ids of the tokens to keep, ascending. Added tokens without a row may be among them.
        tokenizer: A tokenizer whose new ids are the indices in `ids`.
    """
    pruned = classifier.copy()
    pruned.tokenizer = tokenizer
    new_ids = {old: new for new, old in enumerate(ids)}
    table = pruned.token_table
    rows = torch.tensor([old for old in ids if old < table.num_embeddings])
    table.weight = nn.Parameter(table.weight.detach()[rows])
    table.num_embeddings = pruned.config.vocab_size = len(rows)
    if table.padding_idx is not None:
        table.padding_idx = new_ids[table.padding_idx]
    for key, old in _config_token_ids(classifier).items():
        new = [new_ids[token] for token in old] if isinstance(old, list) else new_ids[old]
        setattr(pruned.config, key, new)
    return pruned


def required_tokens(classifier: Classifier) -> set[int]:
    """Return the token ids that a model needs whatever the texts are.

    These are the ids in its configuration and the padding id of its token table. If positions are
    counted from the padding id, also all ids below it, so that the padding keeps its id.
    """
    padding = classifier.token_table.padding_idx
    required = set() if padding is None else {padding}
    for ids in _config_token_ids(classifier).values():
        required.update(ids if isinstance(ids, list) else [ids])
    if padding is not None and classifier.architecture.embeddings.positions_from_padding:
        required.update(range(padding))
    return required


def _config_token_ids(classifier: Classifier) -> dict[str, int | list[int]]:
    """Return the token ids in the configuration, such as `pad_token_id`, that are in the table."""
    rows = range(classifier.token_table.num_embeddings)
    return {
        key: ids
        for key, ids in classifier.config.to_dict().items()
        if key.endswith("_token_id")
        if all(token in rows for token in (ids if isinstance(ids, list) else [ids]))
    }
