"""Files of JSON lines, as users have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows into a file, one on each line."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path
