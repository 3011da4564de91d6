"""The table of recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.listing import recipe_table


def test_recipes_are_grouped_by_task_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "aaa.yaml").write_text("# Regression of heat. More.\nbenchmark: {kind: regression}\n")
    (folder / "zzz.yaml").write_text("name: [")
    monkeypatch.chdir(tmp_path)
    kinds, recipes, descriptions, _ = (
        [str(cell) for cell in column.cells] for column in recipe_table().columns
    )
    shown = [kind for kind in kinds if kind]
    assert shown == sorted(set(shown)), "each kind is named once"
    first = kinds.index("regression")
    assert recipes[first : first + 2] == ["aaa", "stsb"]
    assert (kinds[first + 1], descriptions[first]) == ("", "Regression of heat.")
    assert (kinds[-1], recipes[-1]) == ("unknown", "zzz")
