from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MICHEL = Path(__file__).parents[3] / "benchmarks" / "papers" / "michel.py"


def test_wrong_input_is_one_line_and_exit_code_2() -> None:
    result = subprocess.run([sys.executable, MICHEL], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "michel: --data: missing; give NAME=TRAIN,TEST or use --quick\n"
