from __future__ import annotations

import numpy as np

from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.kinds.entity_texts import describe_entities


def test_entities_are_quoted_with_their_types() -> None:
    texts = ("Is Anna Berg in New York?", "No.")
    split = Split(("0", "1"), texts, None, (), words=tuple(map(split_words, texts)))
    tags = [0, 3, 4, 0, 1, 2, 0, 0, 0]
    targets = np.array([[tag, 0] for tag in tags[:7]] + [[tag, 1] for tag in tags[7:]])
    names = ("O", "B-creative work", "I-creative work", "B-PER", "I-PER")
    assert describe_entities(split, targets, names) == [
        "PER: Anna Berg; creative work: New York",
        "none",
    ]
