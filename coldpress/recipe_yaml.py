"""YAML as people mean it: a key stands once in a mapping, and 2e-4 is a number."""

from __future__ import annotations

import re
from typing import Any

import yaml


def parse(text: str) -> Any:  # noqa: ANN401
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
