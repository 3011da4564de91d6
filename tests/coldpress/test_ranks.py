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

from tests.support.rank_training import CASES

ROOT = Path(__file__).parents[2]
BOUND = 1e-4
"""Largest difference of a loss or a score without dropout and in float32: only the order of sums
differs. Measured: 7e-6 for a loss of about 10, 2.4e-6 for pairs and 5e-7 for the others."""

pytestmark = pytest.mark.xdist_group("ranks")


Results = dict[str, Any]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results, Results]:
    """What one process computed, and what each of two ranks did."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, "-m", "tests.support.rank_training"]
    ranks = (("0", "1"), ("0", "2"), ("1", "2"))
    processes = [
        subprocess.Popen([*script, *rank, str(folder)], env=environment, cwd=ROOT) for rank in ranks
    ]
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    alone, first, second = ((folder / f"{'-'.join(rank)}.json").read_text() for rank in ranks)
    return json.loads(alone), json.loads(first), json.loads(second)


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_train_like_one_process(
    case: str, results: tuple[Results, Results, Results]
) -> None:
    alone, first, second = (result[case] for result in results)
    assert first == second
    assert len(first) == len(alone)
    assert np.abs(np.subtract(first, alone)).max() < BOUND


def test_with_dropout_ranks_share_losses_and_the_order_of_batches(
    results: tuple[Results, Results, Results],
) -> None:
    """Each draws dropout for its own rows; everything else is drawn by all alike."""
    alone, first, second = (result["dropout"] for result in results)
    assert first == second
    assert np.abs(np.subtract(first[0], alone[0])).max() > BOUND


def test_a_measurement_of_the_first_rank_is_that_of_all(
    results: tuple[Results, Results, Results],
) -> None:
    assert [result["measured"] for result in results] == ["größer 0"] * 3
