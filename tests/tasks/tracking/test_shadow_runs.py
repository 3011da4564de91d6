"""Runs that compare a champion with a challenger, as `promote` shows them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tasks.tracking import open_runs, runs
from tasks.tracking.shadow_record import ShadowRecord
from tasks.tracking.shadow_runs import describe_shadows, write_shadow

RECORD = ShadowRecord(
    model="trec",
    champion="trec/1",
    champion_digest="aa",
    challenger="trec/2",
    challenger_digest="bb",
    share=0.1,
    began=1_700_000_000.0,
    metrics={"requests": 3, "texts": 4, "failed": 0, "dropped": 2},
)
LATENCIES = {
    "champion_p50_ms": 0.512,
    "champion_p99_ms": 2.0,
    "challenger_p50_ms": 0.4249,
    "challenger_p99_ms": 1.5,
}


def with_metrics(**metrics: float) -> ShadowRecord:
    return dataclasses.replace(RECORD, metrics={**RECORD.metrics, **metrics})


def test_later_writes_change_the_run_which_is_never_left_open(state: Path) -> None:
    run_id = write_shadow(with_metrics(agreement=0.5), None)
    assert write_shadow(with_metrics(agreement=2 / 3, **LATENCIES), run_id) == run_id
    assert describe_shadows("trec", "2", "bb") == [
        "trec/2 in the shadow of trec/1: agreement 0.6667, 4 texts, p50 0.425 ms and 0.512 ms of"
        f" the champion, p99 1.5 ms and 2 ms of the champion, 2 requests dropped (run {run_id})"
    ]
    run = runs.client().get_run(run_id)
    assert run.data.tags["coldpress.shadow_share"] == "0.1"
    assert open_runs.find_open_runs(run.info.experiment_id) == []


def test_only_the_version_with_this_digest_is_described_by_its_latest_runs(state: Path) -> None:
    written = [write_shadow(RECORD, None) for _ in range(4)]
    lines = describe_shadows("trec", "2", "bb")
    assert [line.rpartition(" ")[2].rstrip(")") for line in lines] == written[:0:-1]
    assert "agreement is undefined yet, 4 texts, 2 requests dropped (run" in lines[0]
    assert describe_shadows("trec", "1", "aa") == []
    assert describe_shadows("trec", "2", "another digest") == []
    assert describe_shadows("other", "2", "bb") == []
