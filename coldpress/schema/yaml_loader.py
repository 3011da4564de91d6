"""YAML as people mean it: a key stands once in a mapping, and 2e-4 is a number."""

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
    """Read a recipe's file.

    Args:
        path: The file.

    Returns:
        Plain data.

    Raises:
        InputError: It cannot be read, is no YAML, or holds no mapping.
    """
    try:
        order = parse_yaml(_read_text(path))
        _check_keys(order, path.name)
    except OSError as error:
        raise InputError(f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: byte {error.start} is not UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise InputError(f"{path.name}:{line} {yaml_error_reason(error)}") from error
    if not isinstance(order, dict):
        raise InputError(f"{path.name}: a recipe is a mapping of sections")
    return order


def _read_text(path: Path) -> str:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    reject_lfs_pointer(data, path.name)
    encoding = detect_encoding(data)
    if encoding is not None:
        raise InputError(f"{path.name}: it is {encoding}; save it as UTF-8")
    return data.decode()


def _check_keys(value: object, name: str) -> None:
    """Refuse keys that YAML took for something else than text, however deep they are.

    Whole numbers may be names of labels.
    """
    members = value if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = list(value.values())
        for key in value:
            if type(key) is not int and (hint := unquoted_value_hint(key)):
                raise InputError(f"{name}: {key!r} is no key; {hint}")
    for member in members:
        _check_keys(member, name)


def yaml_error_reason(error: Exception) -> str:
    """Say in a few words why something is no YAML.

    Args:
        error: What the library raised.

    Returns:
        Its problem, or the first line of its message.
    """
    return getattr(error, "problem", None) or str(error).partition("\n")[0]


def parse_yaml(text: str) -> Any:  # noqa: ANN401
    """Read one document.

    Args:
        text: YAML 1.1, merge keys included, with the floats of YAML 1.2.

    Returns:
        Plain data.

    Raises:
        yaml.YAMLError: It is no YAML, or a mapping has a key twice.
        RecursionError: It is nested too deeply.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def unquoted_value_hint(value: object) -> str | None:
    """Say how a word without quotes became another value than text.

    Args:
        value: What stands where text is wanted.

    Returns:
        What YAML has read it as and what to do, or None for text, lists and mappings.
    """
    if isinstance(value, str | list | dict):
        return None
    read = "as a number"
    if isinstance(value, bool):
        words = "on, yes and true" if value else "off, no and false"
        read = f"{words} as {str(value).lower()}"
    elif value is None:
        read = "null, ~ and nothing as no value"
    elif isinstance(value, date):
        read = "as a date"
    return f"YAML reads what has no quotes {read}: put it in quotes"


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # noqa: ANN401
        """Refuse a second equal key before `<<` puts the keys of other mappings among them."""
        node = super().compose_mapping_node(anchor)
        marks: dict[tuple[str, str], yaml.Mark] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            first = marks.setdefault((key.tag, key.value), key.start_mark)
            if first is not key.start_mark:
                problem = f"key {key.value!r} stands in line {first.line + 1} already"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401
        """Say where it is that a value is none of its type: PyYAML lets Python say what."""
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError) as error:
            problem = f"{str(node.value)[:40]!r} is no {node.tag.rpartition(':')[2]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    # YAML 1.1 wants a point and a sign, as in 2.0e-4, and takes the rest for text.
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
for _digit in "0123456789":
    # YAML 1.1 reads 2:4 as 124, a number in base sixty.
    _Loader.yaml_implicit_resolvers[_digit].insert(
        0, ("tag:yaml.org,2002:str", re.compile(r"^[0-9]+(:[0-9]+)+$"))
    )
