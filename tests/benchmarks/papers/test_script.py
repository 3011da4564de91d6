from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MICHEL = Path(__file__).parents[3] / "benchmarks" / "papers" / "michel.py"


def test_wrong_input_ends_with_one_line_and_2() -> None:
    ended = subprocess.run([sys.executable, MICHEL], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "michel: --data: say NAME=TRAIN,TEST, or ask for --quick\n"
