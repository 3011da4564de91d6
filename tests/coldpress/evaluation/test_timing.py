"""Models are interleaved even with the smallest number of calls."""

from __future__ import annotations

from collections import Counter

import pytest
from tokenizers import Tokenizer

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.config import Latency
from coldpress.evaluation.performance.latency import WARM_UP_CALLS
from coldpress.evaluation.performance.trace import CALLS_PER_TURN
from coldpress.evaluation.timing import time_end_to_end, time_forward

Calls = list[str]


@pytest.fixture
def calls() -> Calls:
    """Names of the models, in the order in which they were called."""
    return []


@pytest.fixture
def candidates(calls: Calls, split: Split, tokenizer: Tokenizer) -> dict[str, Candidate]:
    """Two models that only record their calls."""

    def recording(name: str) -> Candidate:
        return Candidate(
            name=name,
            parent=None,
            runtime="torch",
            test=encode(tokenizer, split),
            encode=lambda _: pytest.fail("no other split is needed"),
            outputs=lambda _: pytest.fail("no logits are needed"),
            forward=lambda _: calls.append(name),
            end_to_end=lambda *_: calls.append(name),
            bytes=1,
            parameters=1,
            macs_per_token=1,
        )

    return {name: recording(name) for name in ("large", "small")}


def assert_three_turns(calls: Calls) -> None:
    """After warming up, each third of the calls is one turn of either model."""
    timed = calls[2 * CALLS_PER_TURN :]
    both = 2 * (WARM_UP_CALLS + CALLS_PER_TURN)
    thirds = [Counter(timed[start : start + both]) for start in range(0, len(timed), both)]
    assert thirds == [{"large": 23, "small": 23}] * 3


def test_the_fewest_calls_are_three_turns_per_model(
    candidates: dict[str, Candidate], calls: Calls
) -> None:
    seconds = time_forward(candidates, Latency(rounds=60)).seconds
    assert {name: len(durations) for name, durations in seconds.items()} == {
        "large": 60,
        "small": 60,
    }
    assert_three_turns(calls)


def test_the_fewest_end_to_end_calls_are_three_turns_too(
    candidates: dict[str, Candidate], calls: Calls, split: Split
) -> None:
    seconds = time_end_to_end(candidates, split, Latency(rounds=60)).seconds
    assert {name: len(durations) for name, durations in seconds.items()} == {
        "large": 60,
        "small": 60,
    }
    assert_three_turns(calls)
