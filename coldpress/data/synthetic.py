"""The built-in intent benchmark: requests of customers, generated, seeded, ambiguous on purpose.

No model can be right about all of it. A share of the requests fits two intents and is labelled by
a coin; a few labels are plainly wrong; and many requests name a second matter that is settled or
denied, so that counting words is not enough.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from coldpress.data.synthetic_phrases import (
    AMBIGUOUS,
    CLOSINGS,
    FRAMES,
    INTENTS,
    MATTERS,
    OPENINGS,
    SLOTS,
)

AMBIGUOUS_SHARE = 0.05
LABEL_NOISE_SHARE = 0.01
FRAMED_SHARE = 0.08
TYPO_SHARE = 0.03

_SLOT = re.compile(r"\{(\w+)\}")


def generate(count: int, seed: str) -> list[tuple[str, str]]:
    """Make requests, every intent equally often before coins and mistakes.

    Args:
        count: How many.
        seed: Equal seeds give equal requests, in every process and on every machine.

    Returns:
        Pairs of text and intent.
    """
    draw = random.Random(seed)  # noqa: S311
    intents = sorted(INTENTS)
    examples = [_generate_example(draw, intents[i % len(intents)]) for i in range(count)]
    draw.shuffle(examples)
    return examples


def _generate_example(draw: random.Random, intent: str) -> tuple[str, str]:
    phrase, label = _draw_phrase(draw, intent)
    if draw.random() < LABEL_NOISE_SHARE:
        label = draw.choice(sorted(INTENTS))
    return _add_typos(draw, _decorate(draw, _fill_slots(draw, phrase))), label


def _draw_phrase(draw: random.Random, intent: str) -> tuple[str, str]:
    """Return a phrase and the intent that it is labelled with."""
    if draw.random() < AMBIGUOUS_SHARE:
        fitting = [(both, phrase) for both, phrase in AMBIGUOUS if intent in both]
        both, phrase = draw.choice(fitting)
        return phrase, draw.choice(both)
    if draw.random() < FRAMED_SHARE:
        other = draw.choice([name for name in sorted(MATTERS) if name != intent])
        frame = draw.choice(FRAMES).replace("{other}", draw.choice(MATTERS[other]))
        return frame.replace("{this}", draw.choice(MATTERS[intent])), intent
    return draw.choice(INTENTS[intent]), intent


def _fill_slots(draw: random.Random, phrase: str) -> str:
    """Replace slots until none is left; fillers may hold slots themselves."""
    while slot := _SLOT.search(phrase):
        filler = draw.choice(SLOTS[slot.group(1)])
        phrase = phrase[: slot.start()] + filler + phrase[slot.end() :]
    return phrase


def _decorate(draw: random.Random, text: str) -> str:
    """Add an opening, a closing, a question mark or a capital, each now and then."""
    if draw.random() < 0.35:
        text = f"{_fill_slots(draw, draw.choice(OPENINGS))}, {text}"
    if draw.random() < 0.5:
        text += draw.choice((".", "?", "!", "..."))
    if draw.random() < 0.3:
        stop = "" if text.endswith((".", "?", "!")) else "."
        text = f"{text}{stop} {draw.choice(CLOSINGS)}"
    return text[0].upper() + text[1:] if draw.random() < 0.5 else text


def _add_typos(draw: random.Random, text: str) -> str:
    return " ".join(
        _make_typo(draw, word) if len(word) > 3 and draw.random() < TYPO_SHARE else word
        for word in text.split(" ")
    )


def _make_typo(draw: random.Random, word: str) -> str:
    """Swap two letters, drop one or double one, never the first."""
    at = draw.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    edits: Sequence[str] = (swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:])
    return draw.choice(edits)
