"""Token classification: entities of six types, of which the rarest may lose recall.

The shares of the types are those of WNUT 2017. Teacher and student miss 30 % of the entities and
add some, half of the texts alike, so that the student is as good as the teacher. In half of the
texts all entities of a type are found or missed together, as the same name is that occurs again:
what is independent are the texts.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from coldpress.gate import Gate
from coldpress.kinds import tags
from simulations.simulation import Data, Outputs, Simulation

TYPES = ("person", "group", "location", "creative work", "product", "corporation")
SHARES = (0.4, 0.15, 0.14, 0.13, 0.12, 0.06)
RAREST = len(TYPES) - 1
MISSED = 0.3
ADDED = 0.03
"""Share of missed entities, and of places without one where a model finds a person."""
PLACES = 2
"""Places of a text for each expected entity. A place is a word that can be one, and a word `O`."""
NO_TYPE = -1

Types = NDArray[np.int64]
"""Index of the type at each place of each text, or `NO_TYPE`, shape (texts, places)."""


def draw(expected: int, count: int, lost: float, random: np.random.Generator) -> Data:
    """Draw texts.

    Args:
        expected: Mean number of entities in a text.
        count: Number of texts.
        lost: Share of the texts in which the student finds no entity of the rarest type.
        random: Generator of the simulation.
    """
    shape = (count, PLACES * expected)
    types = random.choice(len(TYPES), shape, p=SHARES)
    types[random.random(shape) >= 1 / PLACES] = NO_TYPE
    teacher, other = (_predict(types, random) for _ in range(2))
    alike = random.random((count, 1)) < 0.5
    student = np.where(alike, teacher, other)
    student[(random.random((count, 1)) < lost) & (types == RAREST)] = NO_TYPE
    words = 2 * shape[1]
    texts = np.repeat(np.arange(count), words)
    targets = np.stack([_word_tags(types), texts], axis=1)
    outputs = (_logits(_word_tags(teacher)), _logits(_word_tags(student)))
    return Data(tags.tag_names(TYPES), targets, outputs, units=(words,) * count)


def _predict(types: Types, random: np.random.Generator) -> Types:
    by_entity = random.random(types.shape)
    by_type = random.random((len(types), len(TYPES)))
    together = random.random((len(types), 1)) < 0.5
    chance = np.where(together, np.take_along_axis(by_type, np.maximum(types, 0), 1), by_entity)
    answers = np.where(chance < MISSED, NO_TYPE, types)
    return np.where(types == NO_TYPE, np.where(by_entity < ADDED, 0, NO_TYPE), answers)


def _word_tags(types: Types) -> Types:
    """Return the tag of every word, shape (words,): B-X or O at a place, and O after it."""
    words = np.zeros((*types.shape, 2), dtype=np.int64)
    words[..., 0] = np.where(types == NO_TYPE, tags.OUTSIDE, 1 + 2 * types)
    return words.ravel()


def _logits(word_tags: Types) -> Outputs:
    return np.eye(1 + 2 * len(TYPES), dtype=np.float32)[word_tags]


POSTS = Simulation(
    kind="token-classification",
    gate=Gate(max_drop=0.05, max_class_drop=0.1),
    title="texts with about one entity of six types; the rarest type is lost",
    sizes=(1000, 2000),
    losses=(0.5, 1.0),
    draw=partial(draw, 1),
)

DOCUMENTS = Simulation(
    kind="token-classification",
    gate=Gate(max_drop=0.05, max_class_drop=0.1),
    title="texts with about ten entities of six types; the rarest type is lost",
    sizes=(200, 400),
    losses=(0.5, 1.0),
    draw=partial(draw, 10),
)
