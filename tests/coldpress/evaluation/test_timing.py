"""However few calls a recipe may ask for, models take turns."""

from __future__ import annotations

from collections import Counter

import pytest
from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.config import Latency
from coldpress.evaluation.performance.latency import CALLS_PER_TURN, WARM_UP_CALLS
from coldpress.evaluation.timing import time_end_to_end, time_forward

Calls = list[str]


@pytest.fixture
def calls() -> Calls:
    """Names of the models, in the order in which they were called."""
    return []


@pytest.fixture
def subjects(calls: Calls, split: Split, tokenizer: Tokenizer) -> dict[str, Candidate]:
    """Two models that only note that they were called."""

    def noting(name: str) -> Candidate:
        return Candidate(
            name=name,
            parent=None,
            runtime="torch",
            test=encode(tokenizer, split),
            encode=lambda _: pytest.fail("nobody asked for another split"),
            logits=lambda _: pytest.fail("nobody asked for logits"),
            forward=lambda _: calls.append(name),
            end_to_end=lambda *_: calls.append(name),
            bytes=1,
            parameters=1,
            macs_per_token=1,
        )

    return {name: noting(name) for name in ("large", "small")}


def assert_three_turns(calls: Calls) -> None:
    """After warming up, each third of the calls is one turn of either model."""
    timed, both = calls[2 * CALLS_PER_TURN :], 2 * (WARM_UP_CALLS + CALLS_PER_TURN)
    thirds = [Counter(timed[start : start + both]) for start in range(0, len(timed), both)]
    assert thirds == [{"large": 23, "small": 23}] * 3


def test_the_fewest_calls_are_three_turns_a_model(
    subjects: dict[str, Candidate], calls: Calls
) -> None:
    seconds = time_forward(subjects, Latency(rounds=60)).seconds
    assert {name: len(taken) for name, taken in seconds.items()} == {"large": 60, "small": 60}
    assert_three_turns(calls)


def test_so_are_a_third_of_them_from_text_to_answer(
    subjects: dict[str, Candidate], calls: Calls, split: Split
) -> None:
    seconds = time_end_to_end(subjects, split, Latency(rounds=60)).seconds
    assert {name: len(taken) for name, taken in seconds.items()} == {"large": 60, "small": 60}
    assert_three_turns(calls)
