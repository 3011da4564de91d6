from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from coldpress.data import synthetic
from coldpress.data.synthetic_phrases import AMBIGUOUS, FRAMES, INTENTS, MATTERS, SLOTS


def test_equal_seeds_give_equal_requests_in_another_process() -> None:
    code = "from coldpress.data.synthetic import generate; print(generate(200, '0:train'))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "12345"},
    ).stdout
    assert printed.strip() == str(synthetic.generate(200, "0:train"))


def test_train_and_test_rarely_share_a_text() -> None:
    train = {text for text, _ in synthetic.generate(2400, "0:train")}
    test = [text for text, _ in synthetic.generate(600, "0:test")]
    assert len(train) > 0.98 * 2400
    assert sum(text in train for text in test) < 0.02 * 600


@pytest.mark.parametrize("seed", range(10))
def test_the_smallest_training_split_has_every_intent(seed: int) -> None:
    assert {label for _, label in synthetic.generate(60, f"{seed}:train")} == set(INTENTS)


def test_intents_are_about_equally_frequent() -> None:
    counts = Counter(label for _, label in synthetic.generate(2400, "0:train"))
    assert len(counts) == 10
    assert all(200 < count < 280 for count in counts.values())


def test_no_slot_is_left_unfilled() -> None:
    assert not any("{" in text or "}" in text for text, _ in synthetic.generate(2400, "0:train"))


def test_a_request_that_fits_two_intents_gets_either_label() -> None:
    labels = Counter(
        label
        for text, label in synthetic.generate(20_000, "0:train")
        if "papers of" in text  # "i cannot find the papers of ... in the app"
    )
    (first, often), (second, seldom) = labels.most_common(2)
    assert {first, second} == {"invoice_copy", "account_access"}
    assert seldom > 0.3 * often


def test_every_slot_of_a_phrase_has_fillers() -> None:
    phrases = [
        *(phrase for phrases in (*INTENTS.values(), *MATTERS.values()) for phrase in phrases),
        *(phrase for _, phrase in AMBIGUOUS),
        *(filler for fillers in SLOTS.values() for filler in fillers),
    ]
    used_slots = {name for phrase in phrases for name in synthetic._SLOT.findall(phrase)}
    assert used_slots <= set(SLOTS)
    assert all("{this}" in frame and "{other}" in frame for frame in FRAMES)


def test_every_intent_has_matters_and_an_ambiguous_phrase() -> None:
    assert set(MATTERS) == set(INTENTS)
    assert {intent for intents, _ in AMBIGUOUS for intent in intents} == set(INTENTS)
