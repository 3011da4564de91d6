"""Random changes of texts, bytes and JSON."""

from __future__ import annotations

import json
import random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 10**9, 2**63, -0.5, 1e308, float("inf"), float("nan")),
    *("", " ", "\u0000", "x" * 5000, "../..", "/", "é\u202e", "null", "1e5", [], {}, [[]], ["a"]),
)
ODD_TEXT = ("\x00", "\ufeff", "\t", "\n", '"', "'", "{", "[", ":", ",", "é", "\ud83d", "\r", "- ")


def mutate_text(text: str, chance: random.Random) -> tuple[bytes, str]:
    """Change a text in one of the ways that editors, spreadsheets and transfers do.

    Returns:
        The bytes of the changed text, and what was done in words.
    """
    lines = text.splitlines(keepends=True)
    line = chance.randrange(len(lines))
    place = chance.randrange(len(text))
    odd = chance.choice(ODD_TEXT)
    kind = chance.choice(("insert", "delete", "drop", "double", "swap", "cut", "encode", "empty"))
    if kind == "insert":
        changed = f"{text[:place]}{odd}{text[place:]}"
    elif kind == "delete":
        changed = text[:place] + text[place + chance.randint(1, 5) :]
    elif kind == "drop":
        changed = "".join([*lines[:line], *lines[line + 1 :]])
    elif kind == "double":
        changed = "".join([*lines[: line + 1], *lines[line:]])
    elif kind == "swap":
        second = chance.randrange(len(lines))
        lines[line], lines[second] = lines[second], lines[line]
        changed = "".join(lines)
    elif kind == "encode":
        encoding = chance.choice(("utf-16", "utf-8-sig", "utf-32"))
        return text.encode(encoding), f"as {encoding}"
    else:
        changed = text[:place] if kind == "cut" else ""
    return changed.encode("utf-8", "surrogatepass"), f"{kind} at {place}, line {line + 1}"


def mutate_bytes(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Change a file as a broken disk or an interrupted transfer does.

    Returns:
        The changed bytes, and what was done in words.
    """
    place = chance.randrange(max(1, len(content)))
    kind = chance.choice(("flip", "cut", "zero", "double", "empty", "pointer"))
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :], (
            f"flip at {place}"
        )
    if kind == "cut":
        return content[:place], f"cut at {place}"
    if kind == "zero":
        return content[:place] + bytes(min(64, len(content) - place)) + content[place + 64 :], (
            f"zeros at {place}"
        )
    if kind == "double":
        return content + content[place:], f"the end from {place} twice"
    if kind == "empty":
        return b"", "empty"
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "an LFS pointer"


def mutate_json(value: Any, chance: random.Random) -> str:  # noqa: ANN401
    """Change one entry of nested mappings and lists in place.

    Returns:
        What was done, in words.
    """
    path, container = _any_container(value, chance)
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    if not keys:
        return "nothing to change"
    key = chance.choice(keys)
    where = ".".join([*path, str(key)])[-80:]
    kind = chance.choice(("value", "value", "value", "delete", "rename", "number"))
    if kind == "delete":
        del container[key]
        return f"{where} deleted"
    if kind == "rename" and isinstance(container, dict):
        container[f"{key}x"] = container.pop(key)
        return f"{where} renamed"
    if kind == "number" and type(container[key]) in (int, float):
        container[key] = chance.choice((container[key] + 1, container[key] - 1, -container[key]))
    else:
        container[key] = chance.choice(ODD_VALUES)
    return f"{where} = {json.dumps(container[key])[:40]}"


def _any_container(value: Any, chance: random.Random) -> tuple[list[str], Any]:  # noqa: ANN401
    """Go down at random; long lists, such as vocabularies, are gone into like any other."""
    path: list[str] = []
    while True:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        deeper = [(str(k), v) for k, v in items if isinstance(v, dict | list) and v]
        if not deeper or chance.random() < 0.4:
            return path, value
        key, value = chance.choice(deeper)
        path.append(key)
