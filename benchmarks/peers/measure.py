"""Builds all models, times them in turns, and compares their labels."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from coldpress import cpu
from coldpress.evaluation.statistics.paired import accuracy_interval, paired_interval
from peers import building, rounds
from peers.building import Built, Place
from peers.catalogue import TEACHER, Peer
from peers.environments import InstallError
from peers.process import WorkerError
from peers.record import Comparison, Costs, Data, Latency, Row, Score, Speed
from peers.rounds import Pass
from peers.rows import MAX_TOKENS, Rows

Passes = Mapping[str, list[Pass]]


@dataclass
class Measurements:
    """Everything that the processes answered, by name of the model.

    Attributes:
        built: Models that could be built.
        failures: One line for each other model, and for each that failed later.
        labels: Predicted labels of the test rows.
        peaks: Peak memory in bytes.
        one_thread: Passes on one thread.
        two_threads: Passes on two threads.
    """

    built: dict[str, Built] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    labels: Mapping[str, object] = field(default_factory=dict)
    peaks: Mapping[str, object] = field(default_factory=dict)
    one_thread: Mapping[str, Passes] = field(default_factory=dict)
    two_threads: Mapping[str, Passes] = field(default_factory=dict)


def compare(
    rows: Rows, peers: Sequence[Peer], place: Place, passes: int, command: str
) -> Comparison:
    """Build, serve and time all models.

    Args:
        rows: Dataset and teacher.
        peers: The models.
        place: Job and folders.
        passes: Number of passes of each kind.
        command: For the record.

    Returns:
        The record; a model that failed is in it with the reason.
    """
    load = f"{os.getloadavg()[0]:.2f}"
    measurements = _measure(peers, place, passes)
    return Comparison(
        data=_describe(rows),
        teacher=rows.teacher.digest[:12],
        timed_texts=len(rows.timed),
        rounds=passes,
        command=command,
        conditions=_conditions(load),
        rows=tuple(_row(peer, measurements, rows) for peer in peers),
    )


def _measure(peers: Sequence[Peer], place: Place, passes: int) -> Measurements:
    results = Measurements()
    for peer in peers:
        _progress(f"build {peer.name}")
        try:
            results.built[peer.name] = building.build(peer, place)
        except (InstallError, WorkerError) as error:
            results.failures[peer.name] = str(error)
            _progress(f"{peer.name} failed: {error}")
    _serve_one_thread(results, passes)
    _serve_two_threads(results, passes)
    return results


def _serve_one_thread(results: Measurements, passes: int) -> None:
    with rounds.serve(list(results.built.values()), 1) as turns:
        _progress(f"predict the test rows with {len(turns.processes)} models")
        results.labels = turns.ask_all("labels")
        _progress("passes on one thread")
        results.one_thread = turns.passes(("ids", "text", "batches"), passes)
        results.peaks = turns.ask_all("memory")
    results.failures |= turns.failures


def _serve_two_threads(results: Measurements, passes: int) -> None:
    models = [model for name, model in results.built.items() if name not in results.failures]
    with rounds.serve(models, 2) as turns:
        _progress("passes on two threads")
        results.two_threads = turns.passes(("text", "batches"), passes)
    results.failures |= turns.failures


def _row(peer: Peer, results: Measurements, rows: Rows) -> Row:
    name = peer.name
    if name in results.failures:
        return Row(name=name, settings=peer.settings, failure=results.failures[name])
    built = results.built[name]
    return Row(
        name=name,
        settings=peer.settings,
        versions=built.versions,
        score=score(results.labels[name], results.labels.get(TEACHER), rows.labels),
        speed=speed(results.one_thread[name], results.two_threads[name], len(rows.timed)),
        costs=Costs(
            seconds=peer.seconds if peer.prebuilt else built.seconds,
            model_bytes=built.model_bytes,
            tokenizer_bytes=built.tokenizer_bytes,
            peak_bytes=results.peaks[name],
        ),
    )


def score(predicted: object, teacher: object, labels: Sequence[str]) -> Score:
    """Compare predicted labels with the true ones, and with the teacher's.

    Args:
        predicted: Of the model, one a row.
        teacher: Of the teacher in torch; None if it failed.
        labels: True labels.
    """
    true = np.asarray(labels)
    correct: NDArray[np.bool_] = np.asarray(predicted) == true
    difference = None
    if teacher is not None:
        difference = paired_interval(correct, np.asarray(teacher) == true, true)
    return Score(
        correct=int(correct.sum()),
        accuracy=accuracy_interval(int(correct.sum()), len(labels)),
        difference=difference,
    )


def speed(one_thread: Passes, two_threads: Passes, texts: int) -> Speed:
    """Summarize passes.

    Args:
        one_thread: By kind: `text`, `batches`, and `ids` if the model reads token ids.
        two_threads: By kind: `text` and `batches`.
        texts: Number of texts of a pass.
    """
    return Speed(
        ids=latency(one_thread["ids"]) if "ids" in one_thread else None,
        text=latency(one_thread["text"]),
        one_thread=texts_per_second(one_thread, texts),
        two_threads=texts_per_second(two_threads, texts),
    )


def latency(passes: Sequence[Pass]) -> Latency:
    """Return the median over passes of the percentiles over texts."""
    milliseconds = np.stack(passes) / 1e6  # (passes, texts)
    medians, highs = np.percentile(milliseconds, [50, 95], axis=1)
    return Latency(
        p50=float(np.median(medians)),
        p95=float(np.median(highs)),
        low=float(medians.min()),
        high=float(medians.max()),
    )


def texts_per_second(passes: Passes, texts: int) -> float:
    """Return the better of reading texts one by one and in batches, each the median over passes."""
    kinds = [passes[kind] for kind in ("text", "batches")]
    return max(texts / float(np.median([run.sum() / 1e9 for run in runs])) for runs in kinds)


def _describe(rows: Rows) -> Data:
    tokenizer = Tokenizer.from_file(str(rows.teacher.path / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    texts = rows.data.test.texts
    counts = [len(tokenizer.encode(texts[position]).ids) for position in rows.timed]
    tokens, longest = np.percentile(counts, [50, 95]).tolist()
    return Data(
        name=rows.name,
        train=len(rows.data.train),
        validation=len(rows.data.validation),
        test=len(rows.data.test),
        test_digest=rows.data.test_digest[:12],
        tokens=tokens,
        longest=longest,
    )


def _conditions(load: str) -> dict[str, str]:
    return {
        "processor": cpu.kernel_environment()["processor"],
        "cores": str(os.cpu_count()),
        "load average before": load,
        "date": time.strftime("%Y-%m-%d"),
    }


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
