"""A home that the last version before the restructuring wrote: every command works on it.

The archive has two versions of the model `old`, both promoted, then rolled back; the recipe and its
files; and no Prefect database. It was written by commit 5179915.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.support.command import Coldpress

ARCHIVE = Path(__file__).parents[1] / "data" / "home-before-restructuring.tar.xz"


@pytest.fixture
def earlier(tmp_path: Path) -> Coldpress:
    """The home, unpacked at another path than it was written at."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return Coldpress(tmp_path)


def test_models_are_read_promoted_and_run_again(earlier: Coldpress) -> None:
    ancestors = ["old-quantized/1", "old-pruned/1", "old-student/1", "old-teacher/1", "dataset"]
    lineage = earlier("lineage", "old@champion").output
    assert [name for name in ancestors if name not in lineage] == []
    assert lineage.startswith("old/1")

    assert earlier("report", "old/2", "--out", "report.html").code == 0
    assert "old" in (earlier.home / "report.html").read_text()
    assert earlier("card", "old/1").output.startswith("---\n")

    (prediction,) = earlier("predict", "old", "red green").output.splitlines()
    assert sorted(json.loads(prediction)["scores"]) == ["colour", "tool", "weather"]
    assert earlier("pull", "old@previous", "served").code == 0
    assert (earlier.home / "served" / "model.onnx").exists()

    promoted = earlier("promote", "old/2", "--force", "--reason", "again")
    assert promoted.output == "old/2 is the champion, old/1 is previous (audit 4)\n"
    assert earlier("rollback", "old", "--reason", "back").output.startswith("old/1 is the champion")
    collected = earlier("gc", "--keep", "1")
    assert collected.code == 0, collected.error

    done = earlier("run", "./recipe.yaml", "--json", "outcome.json")
    assert done.code == 0, done.error
    outcome = json.loads((earlier.home / "outcome.json").read_text())
    assert {stage["status"] for stage in outcome["stages"]} == {"ran"}
    assert earlier("lineage", outcome["stages"][5]["registered"]).code == 0
