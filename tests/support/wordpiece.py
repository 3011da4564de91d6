"""A WordPiece tokenizer for tiny models, since `vocabulary` does not support WordLevel."""

from __future__ import annotations

import json
from dataclasses import replace

from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from coldpress.model.classifier import Classifier


def with_word_pieces(classifier: Classifier) -> Classifier:
    """Return the classifier with a WordPiece tokenizer of the same words."""
    config = json.loads(classifier.tokenizer.to_str())
    pieces = WordPiece(config["model"]["vocab"], unk_token="[UNK]")
    config["model"] = json.loads(Tokenizer(pieces).to_str())["model"]
    return replace(classifier, tokenizer=Tokenizer.from_str(json.dumps(config)))
