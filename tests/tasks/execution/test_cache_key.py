import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import coldpress
from coldpress.distillation import Logits, StudentShape
from coldpress.pruning import Heads
from tasks.execution import cache_key


def imported(source: str) -> set[str]:
    return {name for name, _ in cache_key._walk_imports(ast.parse(source))}


def test_equal_sections_have_equal_json_whatever_their_order() -> None:
    section = Heads(method="heads", keep_heads=0.5)
    plain = {"recovery_epochs": 1, "keep_heads": 0.5, "by": "importance", "method": "heads"}
    assert cache_key.canonical_json([section]) == cache_key.canonical_json([plain])


@pytest.mark.parametrize("changed", ["stage", "section", "seed"])
def test_every_part_changes_the_key(changed: str) -> None:
    parts = {"stage": "prune", "section": {"keep_heads": 0.5}, "seed": 0}
    different = {**parts, changed: "quantize" if changed == "stage" else 1}
    keys = [
        cache_key.stage_key(str(p.pop("stage")), "tasks.prune", p)
        for p in (dict(parts), dict(different))
    ]
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
    names = imported(source)
    assert {"coldpress.errors", "coldpress.training"} <= names
    assert "coldpress.recipe" not in names


def test_imports_beside_type_checking_count() -> None:
    source = """
if TYPE_CHECKING:
    from coldpress.recipe import Recipe
else:
    from coldpress.section import Section as Recipe
"""
    assert imported(source) == {"coldpress.section", "coldpress.section.Section"}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stage that imports from the library in all supported ways."""
    files = {
        "tasks/stage_one.py": """
from typing import TYPE_CHECKING
from coldpress.recipe.recipe import Recipe
from tasks import dataset, tracking
if TYPE_CHECKING:
    from coldpress import report
def body():
    from tasks.judging import judged
""",
        "tasks/judging.py": "def judged():\n    from coldpress.parts import metrics\n",
        "tasks/dataset.py": "from coldpress import rows\n",
        "tasks/tracking.py": "import coldpress.names\nfrom tasks import chain\n",
        "tasks/chain.py": "def explain():\n    from coldpress import report\n",
        "coldpress/__init__.py": "",
        "coldpress/names.py": "",
        "coldpress/rows.py": "",
        "coldpress/report.py": "",
        "coldpress/parts/__init__.py": "from coldpress.parts.declared import Declared\n",
        "coldpress/parts/metrics.py": "",
        "coldpress/parts/declared.py": "def verb():\n    from coldpress.parts import tensors\n",
        "coldpress/parts/tensors.py": "",
        "coldpress/recipe/__init__.py": "",
        "coldpress/recipe/recipe.py": "from coldpress.parts import Declared\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cache_key, "_ROOT", tmp_path)
    return tmp_path


def test_direct_and_indirect_imports_of_a_stage_count(
    house: Path,
) -> None:
    assert set(cache_key.collect_sources("tasks.stage_one")) == {
        "tasks.stage_one",
        "coldpress",
        "coldpress.names",
        "coldpress.rows",
        "coldpress.recipe",
        "coldpress.recipe.recipe",
        "coldpress.parts",
        "coldpress.parts.declared",
        "coldpress.parts.metrics",
    }


def test_the_functions_of_a_method_count_if_the_section_uses_it(house: Path) -> None:
    plain = cache_key.collect_sources("tasks.stage_one")
    with_method = cache_key.collect_sources("tasks.stage_one", {"coldpress.parts.declared"})
    assert with_method.keys() - plain.keys() == {"coldpress.parts.tensors"}


def test_a_class_exported_by_a_package_counts_with_its_functions(house: Path) -> None:
    (house / "tasks/other.py").write_text("from coldpress.parts import Declared\n")
    assert "coldpress.parts.tensors" in cache_key.collect_sources("tasks.other")


@pytest.mark.parametrize("wrapped", [lambda m: m, lambda m: [m], lambda m: {"steps": (m,)}])
def test_methods_are_found_anywhere_in_a_section(
    wrapped: Callable[[object], object],
) -> None:
    """A section is a method, a list of methods, or contains methods."""
    heads = Heads(method="heads", keep_heads=0.5)
    assert set(cache_key._method_modules(wrapped(heads))) == {"coldpress.pruning.heads"}


def test_the_modules_of_sections_inside_a_section_count() -> None:
    student = StudentShape(layers=1)
    method = Logits(method="logits", student=student, epochs=1, learning_rate=1e-3, batch_size=8)
    assert set(cache_key._method_modules(method)) == {
        "coldpress.distillation.hinton.method",
        "coldpress.distillation.student",
    }


def test_every_import_of_the_library_can_be_read_in_its_source() -> None:
    """Relative and dynamic imports would be missing from every key."""
    hidden = re.compile(r"\bimportlib\.import_module\b|\b__import__\b|^\s*from \.", re.MULTILINE)
    library = Path(coldpress.__file__).parent
    texts = {path: path.read_text() for path in library.rglob("*.py")}
    assert [path for path, text in texts.items() if hidden.search(text)] == []


def test_no_result_depends_on_a_data_file() -> None:
    """Data files are in no key; the report's templates belong to no stage."""
    library = Path(coldpress.__file__).parent
    data_files = {
        path.relative_to(library).as_posix()
        for path in library.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.name != "py.typed"
    }
    assert {name for name in data_files if not name.startswith("report/")} == set()


def test_the_code_of_a_method_is_part_of_its_stage_and_of_no_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project of three files: `tasks.late` imports `coldpress.method`, `tasks.early` does not."""
    for folder in ("tasks", "coldpress"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tasks/early.py").write_text("import json\n")
    (tmp_path / "tasks/late.py").write_text("def f():\n    from coldpress import method\n")
    (tmp_path / "coldpress/method.py").write_text("x = 1\n")
    monkeypatch.setattr(cache_key, "_ROOT", tmp_path)

    def digests() -> tuple[str, str]:
        cache_key.code_digest.cache_clear()
        return cache_key.code_digest("tasks.early"), cache_key.code_digest("tasks.late")

    early, late = digests()
    (tmp_path / "coldpress/method.py").write_text("x = 2\n")
    changed = digests()
    cache_key.code_digest.cache_clear()
    assert changed[0] == early
    assert changed[1] != late
