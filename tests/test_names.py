"""Names and sentences: the terms of the field, and functions that can be read at a glance."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for folder in ("coldpress", "tasks", "flows")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
# Participles and pronouns: none of them says what a value is.
_REFUSED = """
asked begun broken brought caught chosen done drawn fetched fitted found given gone heard held
judged kept known laid learnt left looked lost made meant moved named passed_over pressed reached
recorded refused rendered said seen sent settled shown stood stored stuck sworn taken told tried
turned understood used wanted worn written
answering asking finding going keeping listening looking losing making moving pressing putting
saying seeing standing staying taking telling turning wanting
another anything each everybody everything it its itself nobody nothing one ones other others
somebody something that their them there these they thing things this those way ways what whatever
which who whom whose
"""
REFUSED_NAMES = frozenset(_REFUSED.split())
RIDDLE = re.compile(r"(What|Which|How|Where|Who|Whose|Whether|Why|When|Does|Do|Is|Are)\b")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def nodes() -> Iterator[ast.AST]:
    return chain.from_iterable(ast.walk(module) for module in MODULES.values())


def bound_names() -> Iterator[str]:
    """Functions, classes, parameters and variables."""
    for node in nodes():
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def functions() -> Iterator[_Function]:
    return (node for node in nodes() if isinstance(node, _Function))


def body_lines(function: _Function) -> int:
    """Lines of a function without its docstring."""
    first = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - first[0].lineno + 1 if first else 0


def parameters(function: _Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in {"self", "cls"}])


def test_names_say_what_a_value_is() -> None:
    names = list(bound_names())
    refused = [name for name in names if name.lower().strip("_") in REFUSED_NAMES]
    assert len(refused) <= 0.005 * len(names), sorted(set(refused))


def test_module_docstrings_are_headings() -> None:
    docstrings = {path: ast.get_docstring(module) or "" for path, module in MODULES.items()}
    riddles = [
        str(path.relative_to(ROOT)) for path, text in docstrings.items() if RIDDLE.match(text)
    ]
    assert len(riddles) <= 0.05 * len(docstrings), riddles
    assert [str(path) for path, text in docstrings.items() if not text] == []


def test_an_assignment_does_one_thing() -> None:
    assignments = [node for node in nodes() if isinstance(node, ast.Assign)]
    packed = [
        ast.unparse(node)
        for node in assignments
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
    ]
    assert len(packed) < 0.025 * len(assignments), packed


def test_functions_are_short() -> None:
    lengths = sorted(map(body_lines, functions()))
    assert statistics.median(lengths) <= 8
    assert lengths[int(0.9 * len(lengths))] <= 18
    assert lengths[-1] <= 40


def test_functions_have_few_parameters() -> None:
    assert {function.name: n for function in functions() if (n := parameters(function)) > 6} == {}


def test_modules_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES
    }
    # The predictor is one file because it is copied beside the models that it runs.
    assert {name for name, lines in lengths.items() if lines > 250} <= {
        "coldpress/onnx/predictor.py"
    }
