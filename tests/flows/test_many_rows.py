"""A run with a file of unlabelled rows: its shards, its cache key, and a cluster that is away."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from pathlib import Path

from coldpress.data.synthetic import generate
from tests.support.command import new_home
from tests.support.json_lines import write_jsonl


def write_pool(folder: Path, count: int) -> None:
    words = sorted({word for text, _ in generate(100, "words") for word in text.split()})
    generator = random.Random(0)
    texts = [" ".join(generator.choices(words, k=4)) for _ in range(count)]
    write_jsonl(folder / "pool.jsonl", [{"text": text} for text in texts])


def test_the_engine_changes_no_result_and_shards_are_removed(
    tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    coldpress = new_home(tmp_path, servers=shared_server)
    write_pool(tmp_path, 3000)
    pool = ("--set", "soft_targets.unlabelled=pool.jsonl", "--set", "prune=null")
    first = coldpress.run_tiny(*pool)
    metrics = {stage["stage"]: stage["metrics"] for stage in first["stages"]}
    assert metrics["generate_soft_targets"]["rows"] > 3000
    assert list((tmp_path / "state" / "shards").iterdir()) == []
    again = coldpress.run_tiny(*pool, "--set", "soft_targets.engine=ray")
    statuses = {stage["stage"]: stage["status"] for stage in again["stages"]}
    assert statuses["generate_soft_targets"] == statuses["distill_student"] == "reused"


def test_a_cluster_that_does_not_answer_ends_the_run_before_it_starts(tmp_path: Path) -> None:
    coldpress = new_home(tmp_path)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        result = coldpress(
            *("run", "./tiny.yaml", "--set", "soft_targets.engine=ray"),
            also={"RAY_ADDRESS": address},
        )
    assert result.code == 2
    message = f"soft_targets.engine: no Ray cluster answers at RAY_ADDRESS={address}"
    assert message in " ".join(result.error.split())
    assert not (tmp_path / "state" / "mlflow.db").exists()
