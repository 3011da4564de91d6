"""The comparison with other libraries: statistics, page, failures, and a whole quick run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from peers import dot_names, findings, measure, outcome, page, record
from peers.building import Built
from peers.catalogue import TEACHER, Peer
from peers.dot_names import Name
from peers.options import Options
from peers.record import Comparison, Costs, Data, Latency, Row, Score, Speed
from peers.rounds import serve
from peers.workers import fasttext_model, protocol
from peers.workers.protocol import Job, Served, Split

from coldpress.errors import InputError
from coldpress.evaluation.scorecard.scorecard import Interval

ROOT = Path(__file__).parents[2]
COMPARE = ROOT / "benchmarks" / "compare_peers.py"
JOB = Job(
    labels=["no", "yes"],
    train=Split([], []),
    validation=Split([], []),
    test=["a", "bbb", "cc"],
    timed=[2, 0],
    teacher="teacher",
    teacher_digest="0123",
    pretrained=None,
    max_tokens=64,
)


def upper(texts: Sequence[str]) -> list[str]:
    return [text.upper() for text in texts]


def row(name: str, accuracy: float, milliseconds: float, size: int) -> Row:
    latency = Latency(p50=milliseconds, p95=2 * milliseconds, low=milliseconds, high=milliseconds)
    return Row(
        name=name,
        settings="the defaults",
        versions={"library": "1.0"},
        score=Score(
            correct=int(100 * accuracy),
            accuracy=Interval(estimate=accuracy, low=accuracy - 0.1, high=accuracy + 0.05),
            difference=Interval(estimate=-0.02, low=-0.05, high=0.01),
        ),
        speed=Speed(ids=latency, text=latency, one_thread=1000.0, two_threads=1500.0),
        costs=Costs(seconds=3.0, model_bytes=size, tokenizer_bytes=1_000_000, peak_bytes=size),
    )


def comparison(*rows: Row) -> Comparison:
    return Comparison(
        data=Data(
            name="trec",
            train=80,
            validation=10,
            test=100,
            test_digest="abc",
            tokens=10.0,
            longest=20.0,
        ),
        teacher="0123",
        timed_texts=50,
        rounds=5,
        command="make bench-peers",
        conditions={"processor": "a processor"},
        rows=rows,
    )


ROWS = (
    row("Coldpress fast", 0.90, 0.1, 4_000_000),
    row(TEACHER, 0.92, 10.0, 90_000_000),
    row("Optimum int8", 0.91, 2.0, 20_000_000),
    row("Olive int8", 0.91, 1.5, 20_000_000),
    row("fastText", 0.80, 0.01, 50_000_000),
    Row(name="SetFit", settings="the defaults", failure="exit code 1: no such file"),
)


def test_a_worker_answers_one_request_a_line() -> None:
    served = Served(upper, encode=len, forward=lambda tokens: tokens)
    replies = io.StringIO()
    protocol.serve(served, JOB, io.StringIO("labels\nids\nmemory\n"), replies)
    known, labels, ids, memory = map(json.loads, replies.getvalue().splitlines())
    assert known == ["batches", "ids", "labels", "memory", "text"]
    assert labels == ["A", "BBB", "CC"]
    assert len(ids) == 2
    assert memory > 1_000_000


def test_a_pass_calls_the_timed_texts_in_order_and_batches_by_length() -> None:
    calls: list[list[str]] = []

    def predict(texts: Sequence[str]) -> list[str]:
        calls.append(list(texts))
        return upper(texts)

    passes = protocol.passes(Served(predict), ["ccc", "a"])
    assert sorted(passes) == ["batches", "text"]
    for call in (*passes["text"], *passes["batches"]):
        call()
    assert calls == [["ccc"], ["a"], ["a", "ccc"]]


def test_latency_is_the_median_over_passes_of_the_percentiles_over_texts() -> None:
    passes = [np.array([1, 2, 3]) * 1_000_000 * factor for factor in (1, 2, 10)]
    assert measure.latency(passes) == Latency(p50=4.0, p95=5.8, low=2.0, high=20.0)


def test_texts_per_second_are_those_of_the_better_of_single_texts_and_batches() -> None:
    passes = {"text": [np.array([500_000_000] * 4)], "batches": [np.array([1_000_000_000])]}
    assert measure.texts_per_second(passes, 4) == 4.0


def test_a_score_is_paired_with_the_teacher() -> None:
    labels = ["x", "x", "y", "y"]
    score = measure.score(["x", "x", "y", "x"], ["x", "y", "x", "x"], labels)
    assert (score.correct, score.accuracy.estimate) == (3, 0.75)
    assert score.difference is not None
    assert score.difference.estimate == 0.5
    assert measure.score(labels, None, labels).difference is None


def test_speedups_name_the_teacher_and_the_fastest_int8_model_of_others() -> None:
    assert findings.speedups(comparison(*ROWS)) == [
        "Coldpress fast (90.0 %), from token ids: 100 times as fast as torch eager (92.0 %), "
        "15 times as fast as Olive int8 (91.0 %)."
    ]


def test_the_best_static_model_of_others_stands_beside_coldpress() -> None:
    words = row("TF-IDF words", 0.85, 0.5, 1)
    assert findings.static_models(comparison(*ROWS, words)) == [
        "From text: Coldpress fast 90.0 % in 0.1 ms; best of TF-IDF, fastText, model2vec: "
        "TF-IDF words 85.0 % in 0.5 ms."
    ]
    assert findings.static_models(comparison(*ROWS[:1])) == []


def test_what_coldpress_loses_is_listed() -> None:
    assert findings.losses(comparison(*ROWS)) == [
        "More accurate than every Coldpress model: torch eager (92.0 %), Optimum int8 (91.0 %), "
        "Olive int8 (91.0 %).",
        "Faster from token ids than every Coldpress model: fastText (0.01 ms).",
        "Faster from text than every Coldpress model: fastText (0.01 ms).",
    ]


def test_names_in_a_figure_do_not_cover_one_another() -> None:
    chart = Figure()
    axes = chart.subplots()
    names = [Name(text, 1.0 + n / 1000, 1.0, "black", False) for n, text in enumerate("abcd" * 3)]
    axes.plot([name.x for name in names], [name.y for name in names], "o")
    axes.set_xlim(0, 2)
    dot_names.place(chart, axes, names)
    renderer = FigureCanvasAgg(chart).get_renderer()  # type: ignore[no-untyped-call]
    boxes = [Text.get_window_extent(text, renderer) for text in axes.texts]
    assert [a.overlaps(b) for a, b in combinations(boxes, 2)] == [False] * 66


def test_a_failed_model_stays_in_the_table_with_its_reason(tmp_path: Path) -> None:
    record.write(comparison(*ROWS), tmp_path)
    page.write(tmp_path)
    lines = (tmp_path / "peers.md").read_text().splitlines()
    cells = "90.0 (80.0 to 95.0) | −2.0 (−5.0 to +1.0) | 0.1 / 0.2 | 0.1 / 0.2 | 1000 / 1500"  # noqa: RUF001
    assert f"| Coldpress fast | {cells} | 4 + 1 | 4 | 3 |" in lines
    (failed,) = [line for line in lines if line.startswith("| SetFit | failed")]
    assert failed.startswith("| SetFit | failed: exit code 1: no such file |")
    header = next(line for line in lines if line.startswith("| Model | Accuracy"))
    assert failed.count("|") == header.count("|")


def test_settings_are_those_of_all_datasets_each_once() -> None:
    """Datasets may have different models of Coldpress."""
    fast, tiny, other = (row(name, 0.9, 0.1, 1000) for name in ("fast", "tiny", "fastText"))
    settings = page.settings([comparison(fast, other), comparison(tiny, other)])
    assert [name for name, _ in settings] == ["fast", "fastText", "tiny"]


def test_the_page_is_what_its_records_give() -> None:
    records = record.read_all(ROOT / "docs")
    if not records:
        pytest.skip("no record yet")
    assert page.render(records) == (ROOT / "docs" / "peers.md").read_text()


def test_a_process_that_ends_is_a_failure_and_the_others_go_on(tmp_path: Path) -> None:
    good = "print('[\"text\"]', flush=True)\nwhile input(): print('[1000]', flush=True)"
    models = {"good": good, "bad": "raise SystemExit('no | model in /tmp/some/folder/file.onnx')"}
    built = [
        Built(
            peer=Peer(name, "coldpress", "none", "none", "none"),
            seconds=0.0,
            model_bytes=1,
            tokenizer_bytes=1,
            versions={},
            serve=(sys.executable, "-c", program),
            folder=tmp_path,
        )
        for name, program in models.items()
    ]
    with serve(built, 1) as turns:
        passes = turns.passes(("text", "ids"), 3)
    assert [run.tolist() for run in passes["good"]["text"]] == [[1000]] * 3
    assert list(passes) == ["good"]
    # Without directories of this machine, and fit for a cell of a table.
    assert turns.failures == {"bad": "exit code 1: no / model in file.onnx"}


@pytest.mark.parametrize(
    ("statuses", "seconds"), [(("ran", "ran"), 12.0), (("reused", "ran"), None)]
)
def test_build_seconds_exclude_teacher_and_evaluation(
    tmp_path: Path, statuses: tuple[str, str], seconds: float | None
) -> None:
    stages = [
        {"stage": "train_teacher", "status": "ran", "seconds": 100.0},
        {"stage": "distill_student", "status": statuses[0], "seconds": 7.0},
        {"stage": "prune", "status": statuses[1], "seconds": 5.0},
        {"stage": "evaluate", "status": "ran", "seconds": 50.0},
    ]
    file = tmp_path / "outcome.json"
    file.write_text(json.dumps({"stages": stages}))
    assert outcome.build_seconds(file) == seconds


def test_fasttext_reads_separate_punctuation_in_lower_case() -> None:
    assert fasttext_model.normalize("Who's (the) \n First?") == "who ' s ( the ) first ?"


def test_wrong_options_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--teacher: missing"):
        Options(name="trec", train=tmp_path, test=tmp_path).rows()
    with pytest.raises(InputError, match="is not NAME=DIR"):
        Options(name="trec", coldpress=("fast",)).peers()
    with pytest.raises(InputError, match="is no folder of `coldpress pull`"):
        Options(name="trec", coldpress=(f"fast={tmp_path}",)).peers()


@pytest.mark.integration
def test_a_quick_run_compares_the_same_model_in_torch_and_onnx(tmp_path: Path) -> None:
    started = time.monotonic()
    command = [sys.executable, str(COMPARE), "--quick", "--passes", "2", "--folder", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (measured,) = record.read_all(tmp_path / "quick")
    rows = {row.name: row for row in measured.rows}
    assert [row.failure for row in rows.values()] == [None] * 3
    scores = [rows[name].score for name in ("Coldpress quick", TEACHER)]
    assert scores[0] == scores[1]
    speed = rows["TF-IDF words"].speed
    assert speed is not None
    assert speed.ids is None
    assert (
        0 < speed.text.low <= speed.text.p50 <= speed.text.high < 1e3 * (time.monotonic() - started)
    )
    assert (tmp_path / "quick" / "figures" / "peers-quick.svg").exists()
    assert "| Coldpress quick |" in (tmp_path / "quick" / "peers.md").read_text()
