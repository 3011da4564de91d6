"""The datasets of a recipe, read once per process."""

import hashlib
import json
from pathlib import Path

from coldpress.benchmark import loading as benchmarks
from coldpress.benchmark.unlabelled import read_filtered_unlabelled
from coldpress.data.leakage import FilteredRows
from coldpress.data.splits import Split
from coldpress.evaluation.subgroups import slices
from coldpress.recipe.recipe import Recipe
from coldpress.teacher.answers.answers import TeacherAnswers
from coldpress.teacher.answers.reading import answers_digest, read_answers
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.pretrained import pretrained_digest
from coldpress.teacher.section import ExternalTeacher
from coldpress.teacher.spec import Teacher
from tasks.environment import home

_Key = tuple[str, int, tuple[tuple[str, str], ...]]
_benchmarks: dict[_Key, benchmarks.Benchmark] = {}
_UnlabelledKey = tuple[_Key, str, int, int]
_unlabelled: dict[_UnlabelledKey, FilteredRows] = {}


def load_transfer_set(recipe: Recipe) -> Split:
    """Return the rows for distillation: the training rows, then the unlabelled ones."""
    return benchmarks.transfer_set(load_benchmark(recipe), load_unlabelled(recipe))


def load_unlabelled(recipe: Recipe) -> FilteredRows | None:
    """Return the unlabelled rows, if any, without test and validation texts."""
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    key = _unlabelled_key(recipe, path)
    if key not in _unlabelled:
        rows = read_filtered_unlabelled(
            load_benchmark(recipe), path, recipe.benchmark.columns, home.ensure_home()
        )
        _keep_unlabelled(key, rows)
    return _unlabelled[key]


def unlabelled_digest(recipe: Recipe) -> str | None:
    """Return the sha256 of the unlabelled file, whatever its path."""
    path = recipe.soft_targets.unlabelled
    if path is None:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_answers(recipe: Recipe) -> TeacherAnswers | None:
    """Return the outputs of a teacher that are used alone; None for other teachers."""
    teacher = recipe.teacher
    if isinstance(teacher, Teacher):
        return None
    if not isinstance(teacher, AnswersTeacher):
        from coldpress.teacher.outputs.source import load_outputs_teacher

        limit = recipe.benchmark.max_tokens
        return load_outputs_teacher(teacher, load_benchmark(recipe), limit)
    unlabelled = load_unlabelled(recipe)
    rows = None if unlabelled is None else unlabelled.rows
    return read_answers(teacher, recipe.benchmark, load_benchmark(recipe), rows)


def teacher_digest(teacher: ExternalTeacher, *splits: str) -> str:
    """Return a sha256 of what the outputs of a teacher depend on.

    Args:
        teacher: The recipe's section.
        splits: The splits whose files of answers are read.
    """
    if isinstance(teacher, AnswersTeacher):
        return answers_digest(teacher, *splits)
    content = teacher.model_dump(mode="json", exclude={"model"})
    content["model"] = pretrained_digest(teacher.model)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def columns_digest(recipe: Recipe) -> str:
    """Return the sha256 of the columns for slices, which the benchmark's digest leaves out."""
    columns = load_benchmark(recipe).test.columns
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()


def load_benchmark(recipe: Recipe) -> benchmarks.Benchmark:
    """Read and check a recipe's dataset.

    Args:
        recipe: Its benchmark section, the columns for slices, and the seed of the validation
            split are used.

    Returns:
        The benchmark, checked.

    Raises:
        InputError: A file or row cannot be used; the message names it.
    """
    key = _key(recipe)
    if key not in _benchmarks:
        _, seed, columns = key
        _benchmarks[key] = benchmarks.load_benchmark(recipe.benchmark, seed, columns)
    return _benchmarks[key]


def keep_benchmark(
    recipe: Recipe, benchmark: benchmarks.Benchmark, unlabelled: FilteredRows | None = None
) -> None:
    """Keep a dataset that was read to check the recipe, so that it is not read again."""
    _benchmarks[_key(recipe)] = benchmark
    path = recipe.soft_targets.unlabelled
    if path is not None and unlabelled is not None:
        _keep_unlabelled(_unlabelled_key(recipe, path), unlabelled)


def _keep_unlabelled(key: _UnlabelledKey, rows: FilteredRows) -> None:
    """Keep the unlabelled rows that were read last; there may be many."""
    _unlabelled.clear()
    _unlabelled[key] = rows


def _unlabelled_key(recipe: Recipe, path: Path) -> _UnlabelledKey:
    if not path.is_file():  # the reader says so
        return _key(recipe), str(path), 0, 0
    status = path.stat()
    return _key(recipe), str(path), status.st_mtime_ns, status.st_size


def _key(recipe: Recipe) -> _Key:
    # As text, since a section with a list of columns has no hash.
    section = recipe.benchmark.model_dump_json()
    return section, recipe.seed, slices.required_columns(recipe.evaluate.slices)
