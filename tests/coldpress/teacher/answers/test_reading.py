"""Files of answers in every form, and the rows that they belong to."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from coldpress.benchmark.loading import Benchmark, load_benchmark
from coldpress.data.section import BenchmarkSection
from coldpress.errors import InputError
from coldpress.kinds import KindSection
from coldpress.teacher.answers.answers import Answers
from coldpress.teacher.answers.reading import answers_digest, read_answers
from coldpress.teacher.answers.section import AnswersTeacher
from tests.support.json_lines import write_jsonl

Row = Mapping[str, Any]
TEXTS = [f"press number {i}" for i in range(20)]
TRAIN = [{"text": t, "label": "cold" if i % 2 else "warm"} for i, t in enumerate(TEXTS)]
TEST = [{"text": "a stone", "label": "cold"}, {"text": "an olive", "label": "warm"}]


def section_of(directory: Path, kind: str = "text-classification", **also: Any) -> BenchmarkSection:  # noqa: ANN401
    files = {name: directory / f"{name}.jsonl" for name in ("train", "test")}
    source = {"origin": "files", **files}
    adapter: TypeAdapter[Any] = TypeAdapter(KindSection)
    section: BenchmarkSection = adapter.validate_python({"kind": kind, "source": source, **also})
    return section


@pytest.fixture
def section(tmp_path: Path) -> BenchmarkSection:
    write_jsonl(tmp_path / "train.jsonl", TRAIN)
    write_jsonl(tmp_path / "test.jsonl", TEST)
    return section_of(tmp_path)


@pytest.fixture
def benchmark(section: BenchmarkSection) -> Benchmark:
    return load_benchmark(section, 0)


def teacher_of(path: Path, **fields: Any) -> AnswersTeacher:  # noqa: ANN401
    return AnswersTeacher.model_validate({"origin": "answers", "train": path, **fields})


def train_probabilities(answers: Answers, benchmark: Benchmark) -> dict[str, list[float]]:
    (rows, *_) = answers.training_rows(benchmark, None)
    outputs = np.exp(np.concatenate(rows.outputs)).astype(float).round(4).tolist()
    return dict(zip(rows.split.texts, outputs, strict=True))


FORMS: list[Sequence[Row]] = [
    [{"text": t, "answer": {"cold": 0.9, "warm": 0.1}} for t in TEXTS],
    [{"text": t, "answer": {"cold": 0.9}} for t in TEXTS],
    [{"text": t, "answer": "cold", "confidence": 0.9} for t in TEXTS],
    [{"text": t, "cold": 0.9, "warm": 0.1} for t in TEXTS],
]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            cells = {n: json.dumps(v) if isinstance(v, dict) else v for n, v in row.items()}
            writer.writerow(cells)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("rows", FORMS, ids=["mapping", "top label", "confidence", "columns"])
def test_every_form_in_every_file_format_gives_the_same_probabilities(
    rows: Sequence[Row],
    suffix: str,
    section: BenchmarkSection,
    benchmark: Benchmark,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"answers{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        (write_csv if suffix == ".csv" else write_jsonl)(path, list(rows))
    answers = read_answers(teacher_of(path), section, benchmark)
    probabilities = train_probabilities(answers, benchmark)
    assert set(probabilities) == set(benchmark.train.texts)
    assert set(map(tuple, probabilities.values())) == {(0.9, 0.1)}


def test_rows_are_found_by_an_id_of_the_data(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [{"id": i, **row} for i, row in enumerate(TRAIN)])
    write_jsonl(tmp_path / "test.jsonl", [{"id": f"t{i}", **row} for i, row in enumerate(TEST)])
    section = section_of(tmp_path)
    benchmark = load_benchmark(section, 0)
    answered = [{"id": str(i), "answer": {"cold": i / 20}} for i in range(20)]
    write_jsonl(tmp_path / "answers.jsonl", answered)
    teacher = teacher_of(tmp_path / "answers.jsonl", id="id")
    probabilities = train_probabilities(read_answers(teacher, section, benchmark), benchmark)
    assert probabilities["press number 7"] == pytest.approx([0.35, 0.65])
    write_jsonl(tmp_path / "answers.jsonl", [*answered, {"id": "20", "answer": {"cold": 1}}])
    with pytest.raises(InputError, match="line 21: 'id' is '20', which no row of the data has"):
        read_answers(teacher, section, benchmark)


def test_rows_without_an_answer_are_left_out_up_to_a_limit(
    section: BenchmarkSection, benchmark: Benchmark, tmp_path: Path
) -> None:
    missing = benchmark.train.texts[:3]
    rows = [{"text": t, "answer": {"cold": 1}} for t in TEXTS if t not in missing]
    write_jsonl(tmp_path / "answers.jsonl", rows)
    with pytest.raises(InputError, match="3 of 18 rows have no answer, such as 'press number"):
        read_answers(teacher_of(tmp_path / "answers.jsonl"), section, benchmark)
    teacher = teacher_of(tmp_path / "answers.jsonl", max_unanswered=0.2)
    answers = read_answers(teacher, section, benchmark)
    (train, *_) = answers.training_rows(benchmark, None)
    assert train.unanswered == set(benchmark.train.ids[:3])
    assert train.split.texts == benchmark.train.texts[3:]
    assert len(train.split.targets) == 15
    counts = answers.coverage(benchmark, None)
    assert (counts["train"].answered, counts["train"].rows) == (15, 18)
    assert (counts["validation"].answered, counts["validation"].rows) == (2, 2)


def test_test_answers_must_be_complete(
    section: BenchmarkSection, benchmark: Benchmark, tmp_path: Path
) -> None:
    write_jsonl(tmp_path / "answers.jsonl", FORMS[0])
    write_jsonl(tmp_path / "tests.jsonl", [{"text": "a stone", "answer": {"warm": 0.75}}])
    teacher = teacher_of(
        tmp_path / "answers.jsonl", test=tmp_path / "tests.jsonl", max_unanswered=0.5
    )
    with pytest.raises(InputError, match="1 of 2 rows have no answer, such as 'an olive'"):
        read_answers(teacher, section, benchmark)
    rows = [{"text": row["text"], "answer": {"warm": 0.75}} for row in TEST]
    write_jsonl(tmp_path / "tests.jsonl", rows)
    answers = read_answers(teacher, section, benchmark)
    assert np.exp(answers.for_evaluation(benchmark.test)) == pytest.approx(
        np.array([[0.25, 0.75]] * 2)
    )
    assert np.exp(answers.for_evaluation(benchmark.validation))[0] == pytest.approx([0.9, 0.1])


def with_validation(tmp_path: Path) -> tuple[BenchmarkSection, Benchmark, dict[str, Path]]:
    """A validation split of its own, and complete answers for train and test."""
    rows = [{"text": f"olive number {i}", "label": "cold"} for i in range(4)]
    for name, content in (("train", TRAIN), ("test", TEST), ("validation", rows)):
        write_jsonl(tmp_path / f"{name}.jsonl", content)
    source = {
        "origin": "files",
        **{name: tmp_path / f"{name}.jsonl" for name in ("train", "validation", "test")},
    }
    section = section_of(tmp_path, source=source)
    write_jsonl(tmp_path / "answers.jsonl", FORMS[0])
    tests = [{"text": row["text"], "answer": {"warm": 0.75}} for row in TEST]
    write_jsonl(tmp_path / "tests.jsonl", tests)
    files = {"path": tmp_path / "answers.jsonl", "test": tmp_path / "tests.jsonl"}
    return section, load_benchmark(section, 0), files


def test_a_compared_teacher_needs_answers_for_validation_rows(tmp_path: Path) -> None:
    section, benchmark, files = with_validation(tmp_path)
    message = r"teacher\.validation: missing; with teacher\.test, models and teacher are compared"
    with pytest.raises(InputError, match=message):
        read_answers(teacher_of(**files), section, benchmark)
    read_answers(teacher_of(files["path"]), section, benchmark)


def test_validation_rows_without_an_answer_are_left_out_up_to_a_limit(tmp_path: Path) -> None:
    section, benchmark, files = with_validation(tmp_path)
    path = tmp_path / "validation-answers.jsonl"
    rows = [{"text": text, "answer": {"cold": 0.9}} for text in benchmark.validation.texts[:3]]
    write_jsonl(path, rows)
    with pytest.raises(InputError, match=r"teacher\.validation: .*: 1 of 4 rows have no answer"):
        read_answers(teacher_of(**files, validation=path), section, benchmark)
    teacher = teacher_of(**files, validation=path, max_unanswered=0.25)
    answers = read_answers(teacher, section, benchmark)
    answered = answers.answered_validation(benchmark.validation)
    assert answered.texts == benchmark.validation.texts[:3]
    assert len(answers.for_evaluation(answered)) == len(answered.targets) == 3


def test_the_digest_follows_the_content_of_the_chosen_files(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"text": "x" if name == "c" else "y"}])
    first, same, other = (teacher_of(tmp_path / f"{name}.jsonl") for name in ("a", "b", "c"))
    assert answers_digest(first, "train") == answers_digest(same, "train")
    assert answers_digest(first, "train") != answers_digest(other, "train")
    assert answers_digest(first, "test") == answers_digest(other, "test")


def test_spans_give_the_tags_of_words_with_their_confidence(tmp_path: Path) -> None:
    rows = [
        {"text": f"cold press of Bari {i}", "spans": [{"start": 14, "end": 18, "label": "LOC"}]}
        for i in range(20)
    ]
    for name in ("train", "test"):
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    columns = {"text": "text", "spans": "spans"}
    section = section_of(tmp_path, "token-classification", columns=columns)
    benchmark = load_benchmark(section, 0)
    span = {"start": 14, "end": 18, "label": "LOC", "confidence": 0.6}
    answered = [{"text": row["text"], "answer": [span]} for row in rows]
    write_jsonl(tmp_path / "answers.jsonl", answered)
    answers = read_answers(teacher_of(tmp_path / "answers.jsonl"), section, benchmark)
    (train, *_) = answers.training_rows(benchmark, None)
    assert benchmark.labels == ("O", "B-LOC", "I-LOC")
    assert np.exp(train.outputs[0][3]) == pytest.approx([0.2, 0.6, 0.2])
    assert np.exp(train.outputs[0][0]) == pytest.approx([1, 1e-6, 1e-6])


def test_numbers_are_the_outputs_of_regression(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": f"press {i}", "score": i} for i in range(20)]
    for name in ("train", "test"):
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    section = section_of(tmp_path, "regression")
    benchmark = load_benchmark(section, 0)
    answered = [{"text": row["text"], "answer": row["score"] + 0.5} for row in rows]
    write_jsonl(tmp_path / "answers.jsonl", answered)
    answers = read_answers(teacher_of(tmp_path / "answers.jsonl"), section, benchmark)
    (train, *_) = answers.training_rows(benchmark, None)
    assert np.concatenate(train.outputs)[:, 0] == pytest.approx(
        [float(target) + 0.5 for target in benchmark.train.targets if isinstance(target, float)]
    )
