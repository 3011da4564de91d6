"""Does re-evaluation cry wolf, and from which share of foreign texts on does it see the wolf?

    python benchmarks/drift.py MODEL --rows FILE --others FILE [FILE ...] [--resamples 200]

MODEL is what `coldpress pull` writes. Two samples of 500 rows are drawn from `--rows` again and
again, none in both: whatever is found is a false alarm. Then some rows of the second sample come
from another file. Files are `.jsonl` with `text` and `label`; labels of other files do not count.
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
"""A portrait keeps the embeddings of so many texts."""
Rows = NDArray[np.int64]


def main() -> None:
    """Print two tables."""
    given = _arguments()
    pool = _pool(given.rows, given.model)
    random = np.random.default_rng(0)
    still = [_two(pool, pool, 0, random) for _ in range(given.resamples)]
    print(f"{given.rows.name}, {ROWS} rows against {ROWS}, {given.resamples} times\n")
    print("| what is found where nothing changed | share |\n|---|---|")
    for name, count in _false_alarms(still).items():
        print(f"| {name} | {_share(count, len(still))} |")
    print("\n| second sample | answers | length | vocabulary | embeddings | verdict drifted |")
    print("|---|---|---|---|---|---|")
    for file in given.others:
        other = _pool(file, given.model)
        for share in SHARES:
            found = [_two(pool, other, share, random) for _ in range(given.resamples // 4)]
            print(f"| {share:.0%} {file.parent.name} | {_seen(found)} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--others", type=Path, nargs="*", default=[])
    parser.add_argument("--resamples", type=int, default=200)
    return parser.parse_args()


def _pool(file: Path, model: Path) -> Observations:
    """All rows of a file as the model sees them, each with an embedding."""
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


def _two(
    pool: Observations, other: Observations, share: float, random: np.random.Generator
) -> Reevaluation:
    """Draw two samples; some rows of the second come from elsewhere, and then it has no labels."""
    drawn = random.permutation(len(pool.predictions.ids))
    foreign = random.permutation(len(other.predictions.ids))[: round(share * ROWS)]
    before = _some(pool, drawn[:ROWS])
    own = _some(pool, drawn[ROWS : 2 * ROWS - len(foreign)])
    return detect_drift("it", before, _together(own, _some(other, foreign)) if share else own)


def _some(seen: Observations, rows: Rows) -> Observations:
    given, words = seen.predictions, seen.profile.words
    answers = Predictions(
        tuple(given.ids[row] for row in rows),
        given.label_names,
        given.labels[rows],
        {"onnx": given.logits["onnx"][rows]},
    )
    portrait = Profile(
        WordCounts(words.total[rows], words.unknown[rows]), seen.profile.embeddings[rows]
    )
    return Observations(answers, portrait)


def _together(one: Observations, other: Observations) -> Observations:
    logits = np.concatenate([side.predictions.logits["onnx"] for side in (one, other)])
    ids, names = one.predictions.ids + other.predictions.ids, one.predictions.label_names
    sides = [one.profile, other.profile]
    words = WordCounts(
        np.concatenate([side.words.total for side in sides]),
        np.concatenate([side.words.unknown for side in sides]),
    )
    embeddings = np.concatenate([side.embeddings for side in sides])
    answers = Predictions(ids, names, one.predictions.labels[:0], {"onnx": logits})
    return Observations(answers, Profile(words, embeddings))


def _false_alarms(found: Sequence[Reevaluation]) -> dict[str, int]:
    sure = [any(way.p_adjusted < SIGNIFICANCE_LEVEL for way in one.drift) for one in found]
    ways = [way.way for way in found[0].drift]
    return {
        "verdict drifted": sum(one.verdict == "drifted" for one in found),
        "verdict worse": sum(one.verdict == "worse" for one in found),
        "some adjusted p below 0.05, whatever the effect": sum(sure),
        **{
            f"{way}: p below 0.05 by itself": sum(
                one.drift[i].p < SIGNIFICANCE_LEVEL for one in found
            )
            for i, way in enumerate(ways)
        },
    }


def _seen(found: Sequence[Reevaluation]) -> str:
    """How often each way, and all together, were called drifted."""
    drifted = np.array([[way.drifted for way in one.drift] for one in found])
    shares = [*drifted.mean(axis=0), drifted.any(axis=1).mean()]
    return " | ".join(f"{share:.0%}" for share in shares)


def _share(count: int, of: int) -> str:
    found = accuracy_interval(count, of)
    return f"{found.estimate:.1%} ({found.low:.1%} to {found.high:.1%})"


if __name__ == "__main__":
    main()
