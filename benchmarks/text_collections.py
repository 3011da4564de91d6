"""Files of texts that scripts make unlabelled rows of, and their options."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read one JSON object from each line; strings may contain other ends of lines."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def parse_files(description: str | None, names: Sequence[str]) -> argparse.Namespace:
    """Parse the file to write, one file of each collection, and those of Tatoeba.

    Args:
        description: Of the script.
        names: Options, each with the file of one collection.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("out", type=Path)
    for name in names:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--tatoeba", type=Path, nargs="+", required=True)
    return parser.parse_args()
