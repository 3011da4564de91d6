"""Generated requests with names of persons, places and products, ambiguous on purpose.

No model can reach an F1 of 100 %. Some names stand for persons and for places, and some requests do
not say which is meant; a few names are not marked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldpress.data.words import split_words

UNMARKED_SHARE = 0.01
AMBIGUOUS_SHARE = 0.3

FIRST_NAMES = ("Anna", "Omar", "Mei", "Lukas", "Priya", "John", "Sofia", "Kofi", "Elena", "Tomás")
LAST_NAMES = ("Berg", "Okafor", "Chen", "O'Neill", "Rossi", "Novak", "Smith-Jones", "Haddad")
CITIES = ("Lisbon", "Oslo", "Nairobi", "New York", "São Paulo", "Leeds", "Kyoto", "Port Louis")
AMBIGUOUS_NAMES = ("Paris", "Jordan", "Austin", "Florence", "Georgia", "Chelsea", "Victoria")
PRODUCTS = ("Frostbox 3", "Chillmate", "PolarPress X", "Icebreaker Pro", "Coolio", "Snowpad")
OPENINGS = ("", "Hello, ", "Good morning! ", "Order {number}: ", "About order {number}. ")
CLOSINGS = ("", " Thanks!", " Please answer by {day}.", " It is about invoice {number}.")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
FRAMES = (
    "Please send the {product} to {person} in {place}.",
    "{person} called about the {product}.",
    "Is the {product} sold in {place}?",
    "I met {person} last week, and she was happy with it.",
    "We moved from {place} to {place}, can you change my address?",
    "My {product} broke; {person} said I would get a new one!",
    "What are your opening hours on Sunday?",
    "Thanks, the {product} arrived.",
    "The parcel for {person} is still in {place}",
    "How do I clean it?",
    "{person} and {person} share an account.",
    "Forward it to {anyone}.",
    "Nothing from {anyone} yet.",
)
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Example:
    """A request with its entities.

    Attributes:
        text: The request.
        spans: Start, end and label of each entity, in order.
    """

    text: str
    spans: tuple[Mapping[str, Any], ...]

    @property
    def tokens(self) -> list[str]:
        """The words of the text."""
        return [self.text[start:end] for start, end in split_words(self.text)]

    @property
    def tags(self) -> list[str]:
        """The tag of each word."""
        return [self._tag(start) for start, _ in split_words(self.text)]

    def _tag(self, start: int) -> str:
        for span in self.spans:
            if span["start"] <= start < span["end"]:
                return f"{'B' if start == span['start'] else 'I'}-{span['label']}"
        return "O"


def generate(count: int, seed: str) -> Sequence[Example]:
    """Generate requests.

    Args:
        count: Number of requests.
        seed: The same seed gives the same requests in every process and on every machine.
    """
    rng = random.Random(seed)  # noqa: S311
    frames = [FRAMES[i % len(FRAMES)] for i in range(count)]
    return [
        _generate_example(rng, f"{rng.choice(OPENINGS)}{frame}{rng.choice(CLOSINGS)}")
        for frame in frames
    ]


def _generate_example(rng: random.Random, frame: str) -> Example:
    parts: list[str] = []
    spans: list[dict[str, Any]] = []
    end = 0
    for slot in _SLOT.finditer(frame):
        parts.append(frame[end : slot.start()])
        name, label = _draw_name(rng, slot[1])
        start = sum(map(len, parts))
        parts.append(name)
        if label and rng.random() >= UNMARKED_SHARE:
            spans.append({"start": start, "end": start + len(name), "label": label})
        end = slot.end()
    return Example("".join([*parts, frame[end:]]), tuple(spans))


def _draw_name(rng: random.Random, slot: str) -> tuple[str, str]:
    """Return what fills a slot, and its label; an empty label if it is not a name."""
    if slot == "number":
        return str(rng.randint(1000, 9999)), ""
    if slot == "day":
        return rng.choice(DAYS), ""
    if slot == "product":
        return rng.choice(PRODUCTS), slot
    label = rng.choice(("person", "place")) if slot == "anyone" else slot
    if slot == "anyone" or rng.random() < AMBIGUOUS_SHARE:
        return rng.choice(AMBIGUOUS_NAMES), label
    if label == "place":
        return rng.choice(CITIES), label
    first = rng.choice(FIRST_NAMES)
    return (first if rng.random() < 0.5 else f"{first} {rng.choice(LAST_NAMES)}"), label
