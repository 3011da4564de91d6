"""`coldpress profile` of a folder, and of a registered model after a real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress

pytestmark = pytest.mark.xdist_group("tiny-run")


def test_a_registered_model_and_its_copy_have_the_same_nodes(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    coldpress("pull", "tiny/1", str(folder))
    profiles = []
    for model in ("tiny/1", str(folder)):
        result = coldpress("profile", model, "--json", str(tmp_path / "profile.json"))
        assert result.code == 0, result.error
        assert "DynamicQuantizeMatMul" in result.output
        profiles.append(json.loads((tmp_path / "profile.json").read_text()))
    assert profiles[0]["nodes"] == profiles[1]["nodes"] > 0
    assert profiles[0]["lengths"][0]["tokens"] == 8


def test_the_model_is_not_overwritten(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    coldpress("pull", "tiny/1", str(tmp_path / "model"))
    target = tmp_path / "model" / "model.onnx"
    before = target.read_bytes()
    result = coldpress("profile", str(tmp_path / "model"), "--json", str(target))
    assert (result.code, len(result.error.splitlines())) == (2, 1)
    assert target.read_bytes() == before
