from __future__ import annotations

import subprocess
import sys

IMPORTS = "import gc; from flows.cli import entry, garbage_collector"


def run(code: str) -> str:
    command = [sys.executable, "-c", f"{IMPORTS}; {code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_garbage_is_searched_seldom_while_a_command_imports() -> None:
    assert run("entry.set_up_process(); print(gc.get_threshold()[0])") == "50000"


def test_work_searches_as_often_as_python_does_by_default_but_not_among_modules() -> None:
    code = "default = gc.get_threshold(); entry.set_up_process()"
    work = "garbage_collector.search_as_usual()"
    check = "print(gc.get_threshold() == default, gc.get_freeze_count() > 10_000)"
    assert run(f"{code}; {work}; {check}") == "True True"
