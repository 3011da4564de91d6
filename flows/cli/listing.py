"""Recipe table and lineage tree for the terminal."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from coldpress.errors import InputError
from coldpress.recipe.loading import list_recipes
from coldpress.schema.lineage import Ancestor
from coldpress.schema.yaml_loader import load_yaml


def recipe_table() -> Table:
    """Return the recipes that `run` finds by name by task kind, each with its description."""
    table = Table("kind", "recipe", "description", "file", box=None)
    kinds = {path: _task_kind(path) for path in list_recipes()}
    previous = ""
    for path in sorted(kinds, key=kinds.__getitem__):
        kind = kinds[path]
        shown = "" if kind == previous else escape(kind)
        table.add_row(shown, path.stem, escape(_first_sentence(path)), escape(str(path)))
        previous = kind
    return table


def _task_kind(path: Path) -> str:
    """Return the task kind of a recipe; `unknown` if it is not valid."""
    try:
        return str(load_yaml(path)["benchmark"]["kind"])
    except (InputError, KeyError, TypeError):
        return "unknown"


def _first_sentence(path: Path) -> str:
    """The first sentence of the comment at the top of a recipe."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    comment = (line.removeprefix("#").strip() for line in takewhile(_is_comment, lines))
    return re.split(r"(?<=[.?])(?<!al\.)\s", " ".join(comment), maxsplit=1)[0]


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def lineage_tree(node: Ancestor) -> Tree:
    """Return a tree with the deployed model at its root."""
    tree = Tree(_node_label(node))
    for parent in node.parents:
        tree.children.append(lineage_tree(parent))
    return tree


def _node_label(node: Ancestor) -> str:
    metrics = ", ".join(f"{name} {value:.4g}" for name, value in node.metrics.items())
    seconds = f"  {node.seconds:.1f} s" if node.seconds is not None else ""
    head = f"[bold]{escape(node.name)}[/]  {node.stage}  {node.digest[:12]}{seconds}"
    missing = f"the record ends here: {node.missing}" if node.missing else ""
    details = (escape(part) for part in (metrics, node.run or "", missing) if part)
    return "\n".join((head, *details))
