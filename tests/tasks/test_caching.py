import ast
from pathlib import Path

import pytest

from coldpress.pruning import Heads
from tasks import caching


def imported(source: str) -> set[str]:
    return set(caching._imported(ast.parse(source)))


def test_equal_sections_are_written_equally_whatever_their_order() -> None:
    section = Heads(method="heads", keep_heads=0.5)
    plain = {"recovery_epochs": 1, "keep_heads": 0.5, "by": "importance", "method": "heads"}
    assert caching.canonical([section]) == caching.canonical([plain])


@pytest.mark.parametrize("changed", ["stage", "section", "seed"])
def test_every_part_of_a_key_counts(changed: str) -> None:
    parts = {"stage": "prune", "section": {"keep_heads": 0.5}, "seed": 0}
    other = {**parts, changed: "quantize" if changed == "stage" else 1}
    keys = [caching.key(str(p.pop("stage")), "tasks.prune", p) for p in (dict(parts), dict(other))]
    assert keys[0] != keys[1]


def test_imports_inside_functions_count_and_those_of_a_type_checker_do_not() -> None:
    source = """
from typing import TYPE_CHECKING
from coldpress.errors import InputError
if TYPE_CHECKING:
    from coldpress.recipe import Recipe
def work():
    from coldpress import training
"""
    found = imported(source)
    assert {"coldpress.errors", "coldpress.training"} <= found
    assert "coldpress.recipe" not in found


def test_the_code_of_a_method_is_part_of_its_stage_and_of_no_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A house of three files: `tasks.late` imports `coldpress.method`, `tasks.early` does not."""
    for folder in ("tasks", "coldpress"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tasks/early.py").write_text("import json\n")
    (tmp_path / "tasks/late.py").write_text("def f():\n    from coldpress import method\n")
    (tmp_path / "coldpress/method.py").write_text("x = 1\n")
    monkeypatch.setattr(caching, "_ROOT", tmp_path)

    def digests() -> tuple[str, str]:
        caching.code_digest.cache_clear()
        return caching.code_digest("tasks.early"), caching.code_digest("tasks.late")

    early, late = digests()
    (tmp_path / "coldpress/method.py").write_text("x = 2\n")
    changed = digests()
    caching.code_digest.cache_clear()
    assert changed[0] == early
    assert changed[1] != late
