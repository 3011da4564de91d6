"""Read all files of answers, and check them against the benchmark that they belong to."""

from __future__ import annotations

import hashlib

from coldpress.benchmark.loading import Benchmark
from coldpress.data.section import BenchmarkSection
from coldpress.data.sources import FilesSource
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds.vectors import learns_vectors
from coldpress.teacher.answers.answers import Answers
from coldpress.teacher.answers.file import read_file, read_ids
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.answers.table import AnswerTable, text_keys


def answers_digest(teacher: AnswersTeacher, *splits: str) -> str:
    """Return the sha256 of files of answers and of how they are read.

    Args:
        teacher: The recipe's section.
        splits: The splits whose files are read.
    """
    digest = hashlib.sha256(f"{teacher.values} {teacher.id}".encode())
    for field, path in teacher.files:
        if field.removeprefix("teacher.") in splits:
            digest.update(f"{field} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def read_answers(
    teacher: AnswersTeacher,
    section: BenchmarkSection,
    benchmark: Benchmark,
    unlabelled: Split | None = None,
) -> Answers:
    """Read all files of answers, and check that they belong to the benchmark.

    Args:
        teacher: The recipe's section.
        section: The benchmark's section, which names the columns of the texts.
        benchmark: Its rows are answered.
        unlabelled: Rows of `soft_targets.unlabelled`; None without.

    Raises:
        InputError: A file, column or answer is invalid, or too many rows have no answer; the
            message names the row.
    """
    data = read_ids(teacher, section)
    tables = {
        field: read_file(path, field, teacher, section.columns, benchmark, data)
        for field, path in teacher.files
    }
    separate = _has_own_validation(section)
    train = tables["teacher.train"]
    answers = Answers(
        train,
        tables.get("teacher.validation") if separate else train,
        tables.get("teacher.test"),
        tables.get("teacher.unlabelled"),
    )
    if teacher.validation is not None and not separate:
        raise InputError(
            "teacher.validation: the validation rows are cut from train, so their answers belong"
            " in teacher.train"
        )
    _check_coverage(answers, teacher, benchmark, unlabelled)
    return answers


def _has_own_validation(section: BenchmarkSection) -> bool:
    source = section.source
    name = "validation" if isinstance(source, FilesSource) else "validation_split"
    return getattr(source, name, None) is not None


def _check_coverage(
    answers: Answers, teacher: AnswersTeacher, benchmark: Benchmark, unlabelled: Split | None
) -> None:
    """Check the share of rows without an answer; each test row needs one."""
    _check_share(answers.train, benchmark.train, teacher.max_unanswered)
    if answers.test is not None:
        answers.test.for_split(benchmark.test)
        if benchmark.compared is not None:
            answers.test.for_split(benchmark.compared)
    _check_validation(answers, teacher, benchmark)
    if unlabelled is None:
        return
    if answers.unlabelled is None:
        raise InputError("teacher.unlabelled: missing; soft_targets.unlabelled needs its answers")
    _check_share(answers.unlabelled, unlabelled, teacher.max_unanswered)


def _check_validation(answers: Answers, teacher: AnswersTeacher, benchmark: Benchmark) -> None:
    """Check the answers for the validation rows, if they are needed."""
    vectors = learns_vectors(benchmark.kind)
    if not vectors and answers.test is None:
        return
    if answers.validation is None:
        reason = (
            "vectors are selected on its answers"
            if vectors
            else "with teacher.test, models and teacher are compared on validation rows, too"
        )
        raise InputError(f"teacher.validation: missing; {reason}")
    if vectors:
        answers.validation.for_split(benchmark.validation)
    else:
        # Which rows are cut from train is chance, so that more of them may be without one.
        limit = 1.0 if teacher.validation is None else teacher.max_unanswered
        _check_share(answers.validation, benchmark.validation, limit)


def _check_share(table: AnswerTable, split: Split, limit: float) -> None:
    if table.outputs.keys().isdisjoint(text_keys(split)):
        raise InputError(f"{table.location}: no row of the data has an answer")
    hint = f"; teacher.max_unanswered allows {limit:.1%}"
    table.check_unanswered(split, limit, hint)
