from __future__ import annotations

import subprocess
import sys

IMPORTS = "import gc; from flows.cli import entry; from tasks.environment import garbage_collector"


def run(code: str) -> str:
    command = [sys.executable, "-c", f"{IMPORTS}; {code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_no_garbage_is_collected_while_a_command_imports() -> None:
    assert run("entry.set_up_process(); print(gc.isenabled())") == "False"


def test_work_collects_garbage_but_does_not_search_modules() -> None:
    code = "entry.set_up_process(); garbage_collector.resume()"
    assert run(f"{code}; print(gc.isenabled(), gc.get_freeze_count() > 10_000)") == "True True"


def test_resuming_twice_leaves_the_garbage_of_the_work_to_the_collector() -> None:
    code = "entry.set_up_process(); garbage_collector.resume(); frozen = gc.get_freeze_count()"
    more = "more = [[] for _ in range(1000)]; garbage_collector.resume()"
    assert run(f"{code}; {more}; print(gc.get_freeze_count() - frozen < 1000)") == "True"
