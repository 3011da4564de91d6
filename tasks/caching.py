"""The only cache key: what a stage's result depends on, and nothing else."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import coldpress

_ROOT = Path(coldpress.__file__).parent.parent


def key(stage: str, module: str, depends_on: Mapping[str, Any]) -> str:
    """Name a stage's result by everything that decides it.

    Args:
        stage: The stage's name.
        module: Dotted name of the module that carries it out; its code is part of the key.
        depends_on: Recipe section, dataset digest, inputs' digests, seed and whatever else
            changes the outcome, as JSON-able values or pydantic models.

    Returns:
        sha256 in hexadecimal.
    """
    everything = {"stage": stage, "code": code_digest(module), **depends_on}
    return hashlib.sha256(canonical(everything).encode()).hexdigest()


def canonical(value: Any) -> str:  # noqa: ANN401
    """Write a value as JSON in the one way that equal values share.

    Args:
        value: JSON-able, or made of pydantic models.

    Returns:
        Compact JSON with sorted keys.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


@cache
def code_digest(module: str) -> str:
    """Hash a module's source and that of everything it imports from the library.

    Imports inside functions count; those that only a type checker sees do not.

    Args:
        module: Dotted name.

    Returns:
        sha256 in hexadecimal.
    """
    sources: dict[str, str] = {}
    _collect(module, sources)
    return hashlib.sha256(json.dumps(sorted(sources.items())).encode()).hexdigest()


def _collect(module: str, sources: dict[str, str]) -> None:
    if module in sources:
        return
    path = _source_file(module)
    if path is None:
        return
    sources[module] = path.read_text()
    for name in _imported(ast.parse(sources[module])):
        if name.startswith("coldpress."):
            _collect(name, sources)


def _source_file(module: str) -> Path | None:
    """Find a module's file without importing its parents, which would import torch."""
    stem = _ROOT.joinpath(*module.split("."))
    candidates = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)
