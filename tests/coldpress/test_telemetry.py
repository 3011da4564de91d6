"""Libraries that Coldpress imports send no telemetry unless the user turns it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PRINT = "import coldpress, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"


def run(script: str, home: Path, setting: str | None) -> str:
    """Run a script in a new process with an empty home directory; return its output."""
    names = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    environment = {k: v for k, v in os.environ.items() if k not in names}
    environment["HOME"] = str(home)
    if setting is not None:
        environment["ORT_DISABLE_TELEMETRY"] = setting
    command = [sys.executable, "-c", script]
    process = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return process.stdout.strip()


@pytest.mark.parametrize("setting", [None, "", " "])
def test_onnxruntime_stores_no_device_id_and_no_database(
    setting: str | None, tmp_path: Path
) -> None:
    run("import coldpress.onnx.predictor", tmp_path, setting)
    assert list(tmp_path.rglob("*")) == []


def test_importing_onnxruntime_after_coldpress_sends_nothing(tmp_path: Path) -> None:
    run("import coldpress, onnxruntime", tmp_path, None)
    assert list(tmp_path.rglob("*")) == []


def test_the_hub_libraries_send_no_telemetry(tmp_path: Path) -> None:
    script = "import coldpress, huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    assert run(script, tmp_path, None) == "True"


def test_the_users_setting_is_kept(tmp_path: Path) -> None:
    assert run(PRINT, tmp_path, "0") == "0"
    assert run(PRINT, tmp_path, None) == "1"
