"""Check a model that is run for its outputs, before its weights are loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from coldpress.benchmark.loading import Benchmark
from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.kinds.kind import TaskKind
from coldpress.model.weight_headers import list_weight_files
from coldpress.schema.quoting import quote_names
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.file_checks import check_file_names
from coldpress.teacher.label_config import check_label_count, check_label_names, label_names
from coldpress.teacher.outputs.section import OutputsTeacher, ZeroShotTeacher
from coldpress.teacher.pretrained import TEACHER_FIELD, HubModel, fetch_tokenizer
from coldpress.teacher.tokenizer.loading import convert_load_errors

_ENTAILMENT = "entail"
_CONTRADICTION = ("contra", "not_entail")


def check_outputs_teacher(teacher: OutputsTeacher | ZeroShotTeacher, benchmark: Benchmark) -> None:
    """Check a model as far as possible without loading its weights.

    Args:
        teacher: The recipe's section.
        benchmark: With the task kind and the labels.

    Raises:
        InputError: It cannot be loaded, or has other outputs.
    """
    if benchmark.kind.head == "sentence":
        raise InputError(
            f"teacher.origin: {teacher.origin} is not possible with benchmark.kind"
            f" {benchmark.kind.name}, whose models return vectors"
        )
    model = teacher.model
    directory, place = fetch_tokenizer(model)
    names = None
    if isinstance(model, HubModel):  # the weights are not here yet
        names = hub.list_files("model", model.id, model.revision, TEACHER_FIELD)
    config = check_files(directory, benchmark.kind, place, names)
    load_tokenizer(directory, place)
    if isinstance(teacher, ZeroShotTeacher):
        check_hypotheses(teacher, benchmark)
        inference_columns(config, place)
    else:
        output_columns(teacher, config, benchmark, place)


def check_files(
    directory: Path, kind: TaskKind, place: str, names: Collection[str] | None = None
) -> dict[str, Any]:
    """Check that a directory contains a classifier that transformers loads without its own code.

    Args:
        directory: The model's directory.
        kind: Its task kind.
        place: The model's name in error messages.
        names: Names of the files on the hub, of which the directory has only some; None: those of
            the directory.

    Returns:
        The content of config.json.

    Raises:
        InputError: A file is missing, transformers has no such classifier, or it has code of its
            own.
    """
    if not directory.is_dir():
        raise InputError(f"{place}: no such directory")
    check_file_names(names or [path.name for path in directory.iterdir()], place)
    config = read_json_object(directory / "config.json", place)
    if config.get("auto_map") is not None:
        raise InputError(f"{place}: auto_map is set; a model's own code is never run")
    if config.get("quantization_config") is not None:
        raise InputError(f"{place}: quantization_config is set; take a model with float weights")
    _check_family(config.get("model_type"), kind, place)
    check_label_names(config, place)
    check_label_count(config, place)
    if names is None:
        list_weight_files(directory, place)
    return config


def _check_family(family: object, kind: TaskKind, place: str) -> None:
    from transformers.models.auto import modeling_auto as auto

    names: Mapping[str, Any] = (
        auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES
        if kind.head == "tokens"
        else auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    )
    if family not in names:
        raise InputError(
            f"{place}: transformers has no classifier of the family {family!r} for {kind.name}"
        )


def output_columns(
    teacher: OutputsTeacher, config: Mapping[str, Any], benchmark: Benchmark, place: str
) -> list[int]:
    """Return the position of each of the benchmark's outputs among those of a model.

    Args:
        teacher: Its `label_names` map names of the model to those of the benchmark.
        config: The checked content of config.json.
        benchmark: With the names of the outputs.
        place: The model's name in error messages.

    Raises:
        InputError: The model has other labels, or another number of outputs.
    """
    kind = benchmark.kind
    mapping = teacher.label_names or {}
    names = [mapping.get(name, name) for name in label_names(config)]
    if not kind.has_labels:
        if len(names) != len(benchmark.labels):
            raise InputError(f"{place} has {len(names)} outputs, {kind.name} needs 1")
        return list(range(len(names)))
    _check_problem(config, kind, place)
    if sorted(names) != sorted(benchmark.labels):
        raise InputError(
            f"{place} has the labels {quote_names(names)}, the benchmark"
            f" {quote_names(benchmark.labels)}; map the names in teacher.label_names"
        )
    return [names.index(name) for name in benchmark.labels]


def _check_problem(config: Mapping[str, Any], kind: TaskKind, place: str) -> None:
    problem = config.get("problem_type")
    if problem in kind.problem_types or (problem is None and kind.activation == "softmax"):
        return
    expected = next((name for name in kind.problem_types if name is not None), None)
    actual = "missing" if problem is None else repr(problem)
    raise InputError(f"{place}: problem_type is {actual}, not {expected!r}")


def check_hypotheses(teacher: ZeroShotTeacher, benchmark: Benchmark) -> None:
    """Check that each label has a hypothesis, and that texts are not pairs.

    Args:
        teacher: The recipe's section.
        benchmark: With the labels.

    Raises:
        InputError: A label lacks a hypothesis or is unknown, or the task is another one.
    """
    kind = benchmark.kind
    if not kind.has_labels or kind.head != "text":
        raise InputError(
            f"teacher.origin: zero-shot is not possible with benchmark.kind {kind.name}"
        )
    if benchmark.test.pairs is not None:
        raise InputError("teacher.origin: zero-shot is not possible with pairs of texts")
    missing = sorted(set(benchmark.labels) - teacher.labels.keys())
    unknown = sorted(teacher.labels.keys() - set(benchmark.labels))
    for names, problem in ((missing, "no hypothesis for"), (unknown, "the benchmark has no label")):
        if names:
            raise InputError(f"teacher.labels: {problem} {quote_names(names)}")
    blank = [name for name, hypothesis in teacher.labels.items() if not hypothesis.strip()]
    if blank:
        raise InputError(f"teacher.labels: the hypothesis of {blank[0]!r} is blank")


def inference_columns(config: Mapping[str, Any], place: str) -> tuple[int, int]:
    """Return the positions of entailment and of its contrary among a model's outputs.

    Args:
        config: The checked content of config.json.
        place: The model's name in error messages.

    Raises:
        InputError: The labels are not those of natural language inference.
    """
    names = [name.lower() for name in label_names(config)]
    entailment = _find(names, (_ENTAILMENT,))
    contrary = _find(names, _CONTRADICTION)
    if entailment is None or contrary is None:
        raise InputError(
            f"{place} has the labels {quote_names(names)}, but natural language inference has"
            " entailment and contradiction"
        )
    return entailment, contrary


def _find(names: Sequence[str], prefixes: tuple[str, ...]) -> int | None:
    return next((n for n, name in enumerate(names) if name.startswith(prefixes)), None)


def load_tokenizer(directory: Path, place: str) -> Any:  # noqa: ANN401
    """Load a model's tokenizer.

    Args:
        directory: Its checked directory.
        place: The model's name in error messages.

    Raises:
        InputError: It cannot be loaded, or is not a fast tokenizer.
    """
    from transformers import AutoTokenizer

    with convert_load_errors(place, "the tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(
            str(directory), local_files_only=True, trust_remote_code=False
        )
    if not tokenizer.is_fast:
        raise InputError(f"{place}: {type(tokenizer).__name__} is not a fast tokenizer")
    return tokenizer
