"""The built-in datasets: generated customer requests, ambiguous on purpose.

No model can reach 100 % accuracy. Some requests fit two intents and get one of them at random, a
few labels are wrong, and some requests mention a second matter that is settled or denied, so that a
bag of words is not enough.
"""

from __future__ import annotations

import random
import re

from coldpress.data.synthetic_phrases import (
    AMBIGUOUS,
    CLOSINGS,
    DETAILS,
    FRAMES,
    INTENTS,
    JOINTS,
    MATTERS,
    OPENINGS,
    SETTLED,
    SLOTS,
)

AMBIGUOUS_SHARE = 0.05
LABEL_NOISE_SHARE = 0.01
FRAMED_SHARE = 0.08
TYPO_SHARE = 0.03
MATTER_COUNTS = (0, 1, 2, 3)
MATTER_COUNT_WEIGHTS = (0.08, 0.52, 0.3, 0.1)
"""Number of requests in a message, and how often it occurs."""
SETTLED_SHARE = 0.2

_SLOT = re.compile(r"\{(\w+)\}")


def generate(count: int, seed: str) -> list[tuple[str, str]]:
    """Generate requests, balanced over the intents before label noise.

    Args:
        count: Number of requests.
        seed: The same seed gives the same requests in every process and on every machine.

    Returns:
        Pairs of text and intent.
    """
    rng = random.Random(seed)  # noqa: S311
    intents = sorted(INTENTS)
    examples = [_generate_example(rng, intents[i % len(intents)]) for i in range(count)]
    rng.shuffle(examples)
    return examples


def generate_messages(count: int, seed: str) -> list[tuple[str, list[str]]]:
    """Generate messages with any number of requests, for several labels in a row.

    Args:
        count: Number of messages.
        seed: The same seed gives the same messages in every process and on every machine.

    Returns:
        Pairs of text and sorted intents; none if the message only says what is settled.
    """
    rng = random.Random(seed)  # noqa: S311
    intents = sorted(INTENTS)
    messages = [_generate_message(rng, intents[i % len(intents)]) for i in range(count)]
    rng.shuffle(messages)
    return messages


def draw_matter(rng: random.Random, intent: str) -> str:
    """Return what an intent is about, with a detail, as one might search for requests.

    Args:
        rng: Random generator.
        intent: One of `INTENTS`.
    """
    return _fill_slots(rng, f"{rng.choice(MATTERS[intent])} {rng.choice(DETAILS)}")


def _generate_message(rng: random.Random, intent: str) -> tuple[str, list[str]]:
    """Generate a message with the given intent first, unless it has none."""
    (number,) = rng.choices(MATTER_COUNTS, MATTER_COUNT_WEIGHTS)
    others = rng.sample([name for name in sorted(INTENTS) if name != intent], 3)
    requests = [_draw_phrase(rng, name) for name in [intent, *others][:number]]
    parts = [phrase for phrase, _ in requests]
    if not parts or rng.random() < SETTLED_SHARE:
        frame = rng.choice(SETTLED)
        parts.append(frame.replace("{other}", rng.choice(MATTERS[others[-1]])))
    labels = {label for _, label in requests}
    if rng.random() < LABEL_NOISE_SHARE:
        labels ^= {rng.choice(sorted(INTENTS))}
    text = parts[0] + "".join(rng.choice(JOINTS) + part for part in parts[1:])
    return _add_typos(rng, _decorate(rng, _fill_slots(rng, text))), sorted(labels)


def _generate_example(rng: random.Random, intent: str) -> tuple[str, str]:
    phrase, label = _draw_phrase(rng, intent)
    if rng.random() < LABEL_NOISE_SHARE:
        label = rng.choice(sorted(INTENTS))
    return _add_typos(rng, _decorate(rng, _fill_slots(rng, phrase))), label


def _draw_phrase(rng: random.Random, intent: str) -> tuple[str, str]:
    """Return a phrase with slots, and its label."""
    if rng.random() < AMBIGUOUS_SHARE:
        candidates = [(intents, phrase) for intents, phrase in AMBIGUOUS if intent in intents]
        intents, phrase = rng.choice(candidates)
        return phrase, rng.choice(intents)
    if rng.random() < FRAMED_SHARE:
        distractor = rng.choice([name for name in sorted(MATTERS) if name != intent])
        frame = rng.choice(FRAMES).replace("{other}", rng.choice(MATTERS[distractor]))
        return frame.replace("{this}", rng.choice(MATTERS[intent])), intent
    return rng.choice(INTENTS[intent]), intent


def _fill_slots(rng: random.Random, phrase: str) -> str:
    """Replace slots until none is left; fillers may contain slots themselves."""
    while slot := _SLOT.search(phrase):
        filler = rng.choice(SLOTS[slot.group(1)])
        phrase = phrase[: slot.start()] + filler + phrase[slot.end() :]
    return phrase


def _decorate(rng: random.Random, text: str) -> str:
    """Add an opening, punctuation, a closing or a capital letter, each at random."""
    if rng.random() < 0.35:
        text = f"{_fill_slots(rng, rng.choice(OPENINGS))}, {text}"
    if rng.random() < 0.5:
        text += rng.choice((".", "?", "!", "..."))
    if rng.random() < 0.3:
        stop = "" if text.endswith((".", "?", "!")) else "."
        text = f"{text}{stop} {rng.choice(CLOSINGS)}"
    return text[0].upper() + text[1:] if rng.random() < 0.5 else text


def _add_typos(rng: random.Random, text: str) -> str:
    return " ".join(
        _make_typo(rng, word) if len(word) > 3 and rng.random() < TYPO_SHARE else word
        for word in text.split(" ")
    )


def _make_typo(rng: random.Random, word: str) -> str:
    """Swap two letters, drop one or double one, but never the first."""
    i = rng.randrange(1, len(word) - 1)
    swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    dropped = word[:i] + word[i + 1 :]
    doubled = word[:i] + word[i] + word[i:]
    return rng.choice((swapped, dropped, doubled))
