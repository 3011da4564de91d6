"""False alarms of drift detection, and its sensitivity to foreign texts.

    python benchmarks/drift.py MODEL --rows FILE --others FILE [FILE ...] [--resamples 200]

MODEL is a folder written by `coldpress pull`. Two disjoint samples of 500 rows are drawn repeatedly
from `--rows`: any drift between them is a false alarm. Then some rows of the second sample come
from another file. Files are `.jsonl` with `text` and `label`; labels of second files are ignored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coldpress.data.splits import Split, row_ids
from coldpress.drift.detect import detect_drift
from coldpress.drift.observations import Observations, observe
from coldpress.drift.profile import Profile, build_profile
from coldpress.drift.result import Reevaluation
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.statistics.paired import SIGNIFICANCE_LEVEL, accuracy_interval
from coldpress.onnx.predictor import Predictor

ROWS = 500
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
AT_ONCE = 1000
"""A profile keeps the embeddings of at most this many texts."""
Rows = NDArray[np.int64]


def main() -> None:
    """Print two tables."""
    options = _options()
    pool = _observe(options.rows, options.model)
    random = np.random.default_rng(0)
    unchanged = [_compare(pool, pool, 0, random) for _ in range(options.resamples)]
    print(f"{options.rows.name}, {ROWS} rows against {ROWS}, {options.resamples} times\n")
    print("| false alarm | share |\n|---|---|")
    for name, count in _false_alarms(unchanged).items():
        print(f"| {name} | {_share(count, len(unchanged))} |")
    print("\n| second sample | answers | length | vocabulary | embeddings | verdict drifted |")
    print("|---|---|---|---|---|---|")
    for file in options.others:
        foreign = _observe(file, options.model)
        for share in SHARES:
            results = [
                _compare(pool, foreign, share, random) for _ in range(options.resamples // 4)
            ]
            print(f"| {share:.0%} {file.parent.name} | {_drifted_shares(results)} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    parser.add_argument("--resamples", type=int, default=200)
    return parser.parse_args()


def _observe(file: Path, model: Path) -> Observations:
    """Observe all rows of a file, each with its embedding."""
    rows = [json.loads(line) for line in file.read_text().splitlines() if line.strip()]
    texts = tuple(row["text"] for row in rows)
    names = Predictor(model).labels
    labels = tuple(names.index(str(r["label"])) if str(r["label"]) in names else 0 for r in rows)
    split = Split(row_ids(texts, None), texts, None, labels)
    starts = range(0, len(split), AT_ONCE)
    parts = [
        build_profile(split.take(range(at, min(at + AT_ONCE, len(split)))), model) for at in starts
    ]
    words = WordCounts(
        np.concatenate([part.words.total for part in parts]),
        np.concatenate([part.words.unknown for part in parts]),
    )
    embeddings = np.concatenate([part.embeddings for part in parts])
    return Observations(observe(split, model).predictions, Profile(words, embeddings))


def _compare(
    pool: Observations, second: Observations, share: float, random: np.random.Generator
) -> Reevaluation:
    """Draw two samples and compare them; with foreign rows, the second sample has no labels."""
    order = random.permutation(len(pool.predictions.ids))
    foreign = random.permutation(len(second.predictions.ids))[: round(share * ROWS)]
    before = _take(pool, order[:ROWS])
    own = _take(pool, order[ROWS : 2 * ROWS - len(foreign)])
    return detect_drift("it", before, _concatenate(own, _take(second, foreign)) if share else own)


def _take(observations: Observations, rows: Rows) -> Observations:
    source = observations.predictions
    words = observations.profile.words
    predictions = Predictions(
        tuple(source.ids[row] for row in rows),
        source.kind,
        source.names,
        source.targets[rows],
        {"onnx": source.outputs["onnx"][rows]},
    )
    profile = Profile(
        WordCounts(words.total[rows], words.unknown[rows]), observations.profile.embeddings[rows]
    )
    return Observations(predictions, profile)


def _concatenate(first: Observations, second: Observations) -> Observations:
    logits = np.concatenate([side.predictions.outputs["onnx"] for side in (first, second)])
    ids = (*first.predictions.ids, *second.predictions.ids)
    names = first.predictions.names
    sides = [first.profile, second.profile]
    words = WordCounts(
        np.concatenate([side.words.total for side in sides]),
        np.concatenate([side.words.unknown for side in sides]),
    )
    embeddings = np.concatenate([side.embeddings for side in sides])
    predictions = Predictions(
        ids, first.predictions.kind, names, first.predictions.targets[:0], {"onnx": logits}
    )
    return Observations(predictions, Profile(words, embeddings))


def _false_alarms(results: Sequence[Reevaluation]) -> dict[str, int]:
    significant = [
        any(test.p_adjusted < SIGNIFICANCE_LEVEL for test in result.drift) for result in results
    ]
    kinds = [test.way for test in results[0].drift]
    return {
        "verdict drifted": sum(result.verdict == "drifted" for result in results),
        "verdict worse": sum(result.verdict == "worse" for result in results),
        "some adjusted p below 0.05, with any effect size": sum(significant),
        **{
            f"{kind}: unadjusted p below 0.05": sum(
                result.drift[i].p < SIGNIFICANCE_LEVEL for result in results
            )
            for i, kind in enumerate(kinds)
        },
    }


def _drifted_shares(results: Sequence[Reevaluation]) -> str:
    """Return how often each test, and any of them, reports drift."""
    drifted = np.array([[test.drifted for test in result.drift] for result in results])
    shares = [*drifted.mean(axis=0), drifted.any(axis=1).mean()]
    return " | ".join(f"{share:.0%}" for share in shares)


def _share(count: int, total: int) -> str:
    interval = accuracy_interval(count, total)
    return f"{interval.estimate:.1%} ({interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    main()
