"""The latest pairs replace the oldest ones."""

from __future__ import annotations

import pytest

from flows.serving import recent_pairs
from flows.serving.recent_pairs import RecentPairs


def test_the_latest_pairs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_pairs, "MOST_PAIRS", 2)
    pairs = RecentPairs()
    assert pairs.values().tolist() == []
    pairs.add(1, 10)
    assert pairs.values().tolist() == [[1, 10]]
    pairs.add(2, 20)
    pairs.add(3, 30)
    assert sorted(pairs.values().tolist()) == [[2, 20], [3, 30]]
