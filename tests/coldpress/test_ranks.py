"""Two processes train like one at the same global batch, whatever the loss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.rank_training import CASES, dropout_order, run_case

ROOT = Path(__file__).parents[2]
BOUND = 1e-4
"""Largest difference of a loss or a score without dropout and in float32: only the order of sums
differs. Measured: 7e-6 for a loss of about 10, 5e-7 for the others."""

pytestmark = pytest.mark.xdist_group("ranks")


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two ranks computed."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, "-m", "tests.support.rank_training"]
    processes = [
        subprocess.Popen([*script, str(n), "2", str(folder)], env=environment, cwd=ROOT)
        for n in range(2)
    ]
    assert [process.wait(300) for process in processes] == [0, 0]
    return [json.loads((folder / f"{n}.json").read_text()) for n in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_train_like_one_process(case: str, two_ranks: list[dict[str, Any]]) -> None:
    first, second = (results[case] for results in two_ranks)
    assert first == second
    alone = run_case(case)
    assert len(first) == len(alone)
    assert np.abs(np.subtract(first, alone)).max() < BOUND


def test_with_dropout_ranks_share_losses_and_the_order_of_batches(
    two_ranks: list[dict[str, Any]],
) -> None:
    """Each draws dropout for its own rows; everything else is drawn by all alike."""
    first, second = (results["dropout"] for results in two_ranks)
    assert first == second
    alone, _ = dropout_order()
    assert np.abs(np.subtract(first[0], alone)).max() > BOUND


def test_a_measurement_of_the_first_rank_is_that_of_all(two_ranks: list[dict[str, Any]]) -> None:
    assert [results["measured"] for results in two_ranks] == ["größer 0"] * 2
