"""YAML loader that refuses duplicate keys and reads 2e-4 as a number."""

from __future__ import annotations

import codecs
import re
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from coldpress.errors import InputError
from coldpress.schema.text_files import detect_encoding, reject_lfs_pointer


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a recipe file into plain data.

    Raises:
        InputError: The file cannot be read, is not valid YAML, or is not a mapping.
    """
    try:
        content = parse_yaml(_read_text(path))
        _check_keys(content, path.name)
    except OSError as error:
        raise InputError(f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: byte {error.start} is not UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise InputError(f"{path.name}:{line} {yaml_error_reason(error)}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path.name}: a recipe must be a mapping of sections")
    return content


def _read_text(path: Path) -> str:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    reject_lfs_pointer(data, path.name)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{path.name}: the file is {encoding}; save it as UTF-8")
    return data.decode()


def _check_keys(value: object, name: str) -> None:
    """Refuse keys, at any depth, that YAML did not read as text.

    Whole numbers are allowed: they may be label names.
    """
    members = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = list(value.values())
        for key in value:
            if type(key) is not int and (hint := unquoted_value_hint(key)):
                raise InputError(f"{name}: invalid key {key!r}; {hint}")
    for member in members:
        _check_keys(member, name)


def yaml_error_reason(error: Exception) -> str:
    """Return in a few words why YAML could not be parsed.

    Args:
        error: Exception that `parse_yaml` raised.
    """
    return getattr(error, "problem", None) or str(error).partition("\n")[0]


def parse_yaml(text: str) -> Any:  # noqa: ANN401
    """Parse one YAML document into plain data.

    Args:
        text: YAML 1.1 with merge keys, and floats as in YAML 1.2.

    Raises:
        yaml.YAMLError: The text is not valid YAML, or a mapping has a duplicate key.
        RecursionError: The text is nested too deeply.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def unquoted_value_hint(value: object) -> str | None:
    """Explain how an unquoted word became a value other than text.

    Args:
        value: A value where text is expected.

    Returns:
        How YAML reads such a word and what to do, or None for text, lists and mappings.
    """
    if isinstance(value, str | list | dict):
        return None
    reading = "this unquoted value as a number"
    if isinstance(value, bool):
        words = "on, yes and true" if value else "off, no and false"
        reading = f"unquoted {words} as {str(value).lower()}"
    elif value is None:
        reading = "an empty value, ~ and unquoted null as null"
    elif isinstance(value, date):
        reading = "this unquoted value as a date"
    return f"YAML reads {reading}: put it in quotes"


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401
        """Refuse duplicate keys before `<<` merges the keys of other mappings."""
        node = super().compose_mapping_node(anchor)
        marks: dict[tuple[str, str], yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            first = marks.setdefault((key.tag, key.value), key.start_mark)
            if first is not key.start_mark:
                problem = f"duplicate key {key.value!r}, first in line {first.line + 1}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401
        """Add the line to an invalid value: PyYAML passes on Python's error without it."""
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError) as error:
            problem = f"{str(node.value)[:40]!r} is not a valid {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    # YAML 1.1 requires a point and a sign, as in 2.0e-4, and reads anything else as text.
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
for _digit in "0123456789":
    # YAML 1.1 reads 2:4 as 124, a base-60 number.
    _Loader.yaml_implicit_resolvers[_digit].insert(
        0, ("tag:yaml.org,2002:str", re.compile(r"^[0-9]+(:[0-9]+)+$"))
    )
