"""Draw a few labelled rows of each class; the others become validation rows and unlabelled texts.

    python benchmarks/few_labels.py train.jsonl DIR [--per-class 8] [--validation 800] [--seed 0]
    coldpress run banking77 --set benchmark.source.train=DIR/train.jsonl \
      --set benchmark.source.validation=DIR/validation.jsonl \
      --set soft_targets.unlabelled=DIR/pool.jsonl --set teacher.fit=contrastive

Every line of the input has a `text` and a `label`. `benchmarks/setfit_few_labels.py` trains SetFit
on the same rows.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from text_collections import read_rows

Row = dict[str, Any]


def main() -> None:
    """Draw rows, and write the three files."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("rows", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--per-class", type=int, default=8)
    options.add_argument("--validation", type=int, default=800)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    rows = read_rows(arguments.rows)
    labelled, others = draw(rows, arguments.per_class, random.Random(arguments.seed))
    validation, rest = others[: arguments.validation], others[arguments.validation :]
    pool = [{"text": row["text"]} for row in rest]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", labelled), ("validation", validation), ("pool", pool)):
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (arguments.folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
        print(f"{name}: {len(part)} rows")


def draw(rows: Sequence[Row], per_class: int, rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Divide rows in random order.

    Args:
        rows: With a `label`.
        per_class: Rows that are drawn of each label, or all if there are fewer.
        rng: Source of the order.

    Returns:
        The drawn rows, and all others.
    """
    shuffled = list(rows)
    rng.shuffle(shuffled)
    counts: Counter[Any] = Counter()
    drawn: list[Row] = []
    others: list[Row] = []
    for row in shuffled:
        counts[row["label"]] += 1
        (drawn if counts[row["label"]] <= per_class else others).append(row)
    return drawn, others


if __name__ == "__main__":
    main()
