"""Cache key of a stage: a digest of everything that its result depends on."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import coldpress

_ROOT = Path(coldpress.__file__).parent.parent
_RECIPE_MODULE = "coldpress.recipe.recipe"
_WITH_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_Import = tuple[str, bool]
"""A module, and whether the imports inside its functions are followed too."""


def stage_key(stage: str, module: str, depends_on: Mapping[str, Any]) -> str:
    """Return the cache key of a stage.

    Args:
        stage: The stage's name.
        module: Dotted name of the stage's module; its code is part of the key.
        depends_on: Recipe section, dataset digest, inputs' digests, seed and everything else that
            changes the result, as JSON-able values or pydantic models.

    Returns:
        sha256 in hexadecimal.
    """
    code = code_digest(module, frozenset(_method_modules(depends_on)))
    content = {"stage": stage, "code": code, **depends_on}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def canonical_json(value: Any) -> str:  # noqa: ANN401
    """Serialize a value to JSON such that equal values give equal texts.

    Args:
        value: JSON-able, or composed of pydantic models.

    Returns:
        Compact JSON with sorted keys.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_json_default)


def _json_default(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _method_modules(value: object) -> Iterator[str]:
    """Yield the modules that define the models (such as methods) in a recipe section."""
    if isinstance(value, BaseModel):
        yield type(value).__module__
        yield from _method_modules([member for _, member in value])
    elif isinstance(value, Mapping):
        yield from _method_modules(list(value.values()))
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _method_modules(member)


@cache
def code_digest(module: str, methods: frozenset[str] = frozenset()) -> str:
    """Hash the source of a module and of everything that it imports from the library.

    Args:
        module: Dotted name of the stage's module.
        methods: Modules of the classes in its recipe section.

    Returns:
        sha256 in hexadecimal.
    """
    texts = collect_sources(module, methods)
    return hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()


def collect_sources(module: str, methods: Iterable[str] = ()) -> dict[str, str]:
    """Read the stage's module and every module of the library that it imports at run time.

    Imports inside functions count if the stage can call the function. Importing a package or the
    recipe's schema calls no function, so only their module-level imports are followed; a method's
    functions count if the recipe section uses it. A change in one method therefore leaves the
    results of all other methods valid.

    Args:
        module: Dotted name of the stage's module.
        methods: Modules of the classes in its recipe section.

    Returns:
        Source texts by dotted module name.
    """
    pending: list[_Import] = [(name, True) for name in (module, *methods)]
    visited: set[_Import] = set()
    texts: dict[str, str] = {}
    while pending:
        entry = pending.pop()
        path = _find_source(_ROOT, entry[0])
        if path is None or entry in visited:
            continue
        visited.add(entry)
        text = path.read_text(encoding="utf-8")
        # Other modules of `tasks` look results up and record them; they do not affect any result.
        computes = entry[0] == module or _is_body(entry[0])
        if computes or not _is_in_tasks(entry[0]):
            texts[entry[0]] = text
        pending += _project_imports(_ROOT, entry, text, computes)
    return texts


@cache
def _project_imports(
    root: Path, importer: _Import, text: str, computes: bool
) -> tuple[_Import, ...]:
    """Return what a module imports from this project, including the parent packages.

    Cached, since the stages import the same modules.
    """
    return tuple(dict.fromkeys(_each_import(root, importer, text, computes)))


def _each_import(root: Path, importer: _Import, text: str, computes: bool) -> Iterator[_Import]:
    module, with_functions = importer
    for name, at_module_level in _imported_names(text).items():
        if not (at_module_level or with_functions):
            continue
        yield from ((package, False) for package in _parent_packages(name))
        # Functions of a task module count for the stage or body that imports it, but no further.
        is_indirect = _is_in_tasks(name) and _is_in_tasks(module) and not computes
        yield _resolve_import(
            root, name, with_functions and name != _RECIPE_MODULE and not is_indirect
        )


def _resolve_import(root: Path, name: str, with_functions: bool) -> _Import:
    """Resolve an imported name to its module; an attribute of a package to the package."""
    path = _find_source(root, name)
    if path is None:
        package = name.rpartition(".")[0]
        return package, with_functions and _is_package(_find_source(root, package))
    return name, with_functions and not _is_package(path)


def _parent_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts)))


def _is_package(path: Path | None) -> bool:
    return path is not None and path.name == "__init__.py"


def _is_in_tasks(module: str) -> bool:
    return module.split(".")[0] == "tasks"


def _is_body(module: str) -> bool:
    return module.startswith("tasks.bodies.")


@cache
def _find_source(root: Path, module: str) -> Path | None:
    """Find a module's file without importing its parents, which might import torch."""
    stem = root.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


@cache
def _imported_names(text: str) -> dict[str, bool]:
    """Names that a source imports from this project, and whether at module level."""
    names: dict[str, bool] = {}
    for name, in_function in _walk_imports(ast.parse(text)):
        if name.split(".")[0] in ("coldpress", "tasks"):
            names[name] = names.get(name, False) or not in_function
    return names


def _walk_imports(node: ast.AST, in_function: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the imported names, and whether the import is inside a function."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, in_function) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module, in_function
        yield from ((f"{node.module}.{alias.name}", in_function) for alias in node.names)
    in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in _runtime_children(node):
        yield from _walk_imports(child, in_function)


def _runtime_children(node: ast.AST) -> Iterable[ast.AST]:
    """Statements in a node, without those under `if TYPE_CHECKING`; expressions import nothing."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return node.orelse
    return (child for child in ast.iter_child_nodes(node) if isinstance(child, _WITH_STATEMENTS))
