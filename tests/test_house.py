"""What holds for the house as a whole, and that no single module can see to."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

ROOT = Path(__file__).parent.parent
# Imported by every command before the input is known to be right, or by the answering of texts.
LIGHT = (
    "coldpress.benchmark.loading",
    "coldpress.model.checkpoint",
    "coldpress.distillation",
    "coldpress.evaluation.config",
    "coldpress.onnx.predictor",
    "coldpress.recipe.preflight",
    "coldpress.cpu",
    "coldpress.pruning",
    "coldpress.quantization",
    "coldpress.recipe.recipe",
    "coldpress.recipe.loading",
    "coldpress.report.card",
    "coldpress.report.html",
    "coldpress.teacher.spec",
    "flows.cli.main",
    "flows.cli.entry",
    "flows.cli.run",
    "flows.stack.logs",
    "flows.stack.messages",
    "tasks.environment.home",
)
HEAVY = {"torch", "transformers", "prefect", "mlflow", "datasets"}
# An absolute path below a folder where people keep their own things.
MACHINE = re.compile(r"(?<![\w.:/-])/(?:root|work|home|Users|mnt)/\w")


def tracked_files() -> list[Path]:
    """What is in the repository, read from git itself."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_folder_mlflow_holds_no_python() -> None:
    assert list((ROOT / "mlflow").rglob("*.py")) == []


def test_mlflow_is_the_installed_package_even_from_the_repository_root() -> None:
    assert Path(mlflow.__file__).parent != ROOT / "mlflow"
    found = subprocess.run(
        [sys.executable, "-c", "import importlib.util as i; print(i.find_spec('mlflow').origin)"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == mlflow.__file__


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a clone knows what is tracked")
def test_no_file_names_a_path_of_some_machine() -> None:
    named = {
        path.relative_to(ROOT).as_posix(): MACHINE.findall(path.read_text(errors="replace"))
        for path in tracked_files()
    }
    assert {name: found for name, found in named.items() if found} == {}


def test_checking_the_input_imports_no_heavy_library() -> None:
    loads = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    loaded = subprocess.run(
        [sys.executable, "-c", loads + "print(*sys.modules)", *LIGHT],
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(loaded.stdout.split()) & HEAVY == set()


def test_torch_is_imported_by_stages_and_not_with_the_flow() -> None:
    """A failed import of torch is then reported as the failure of its stage."""
    statement = "import sys, flows.compress; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", statement], check=True, capture_output=True, text=True
    )
    assert result.stdout == "False\n"


def test_text_is_read_and_written_as_utf_8_whatever_the_locale() -> None:
    """A worker may run in a locale of another encoding than the machine that reads its files."""
    lacking = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for folder in ("coldpress", "flows", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _is_text(call)
    ]
    assert lacking == []


def _is_text(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the encoding of the locale."""
    if not isinstance(call.func, ast.Attribute) or any(k.arg == "encoding" for k in call.keywords):
        return False
    modes = [a.value for a in call.args if isinstance(a, ast.Constant)]
    opens = call.func.attr == "open" and bool({"r", "w", "a", "x"} & set(modes))
    return opens or call.func.attr in {"read_text", "write_text"}
