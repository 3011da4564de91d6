"""Recipes and lineage as a terminal shows them."""

from __future__ import annotations

import yaml
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from coldpress.recipe_file import known_recipes
from tasks.lineage import Ancestor


def recipe_table() -> Table:
    """Return the recipes that can be named, each with its own first line."""
    table = Table("recipe", "what it is", "file", box=None)
    for path in known_recipes():
        text = path.read_text(encoding="utf-8")
        first = text.partition("\n")[0]
        about = first.removeprefix("#").strip() if first.startswith("#") else _name(text)
        table.add_row(path.stem, escape(about), escape(str(path)))
    return table


def lineage_tree(node: Ancestor) -> Tree:
    """Return a tree with the deployed model at its root."""
    tree = Tree(_line(node))
    for parent in node.parents:
        tree.children.append(lineage_tree(parent))
    return tree


def _line(node: Ancestor) -> str:
    measured = ", ".join(f"{name} {value:.4g}" for name, value in node.metrics.items())
    seconds = f"  {node.seconds:.1f} s" if node.seconds is not None else ""
    head = f"[bold]{escape(node.name)}[/]  {node.stage}  {node.digest[:12]}{seconds}"
    return "\n".join(part for part in (head, escape(measured), escape(node.run or "")) if part)


def _name(text: str) -> str:
    parsed = yaml.safe_load(text)
    return str(parsed.get("name", "")) if isinstance(parsed, dict) else ""
