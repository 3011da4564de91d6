"""Every fault of a file of answers is reported in one line that names its row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from coldpress.benchmark.loading import load_benchmark
from coldpress.errors import InputError
from coldpress.kinds import KindSection
from coldpress.teacher.answers.reading import read_answers
from coldpress.teacher.answers.section import AnswersTeacher
from tests.support.json_lines import write_jsonl

TEXTS = [f"press number {i}" for i in range(20)]
GOOD = [{"text": text, "answer": {"cold": 0.9, "warm": 0.1}} for text in TEXTS]
SPAN = {"start": 0, "end": 5, "label": "LOC"}


def labelled(column: str, values: list[Any]) -> list[dict[str, Any]]:
    return [{"text": t, column: values[i % len(values)]} for i, t in enumerate(TEXTS)]


KINDS: dict[str, list[dict[str, Any]]] = {
    "text-classification": labelled("label", ["cold", "warm"]),
    "multi-label": labelled("labels", [["cold"], ["warm"]]),
    "regression": labelled("score", [1, 2]),
    "token-classification": labelled("spans", [[SPAN]]),
}


def read(directory: Path, answers: str, kind: str, **fields: Any) -> None:  # noqa: ANN401
    for name in ("train", "test"):
        write_jsonl(directory / f"{name}.jsonl", KINDS[kind])
    files = {name: directory / f"{name}.jsonl" for name in ("train", "test")}
    columns = {"text": "text", "spans": "spans"} if kind == "token-classification" else None
    content = {"kind": kind, "source": {"origin": "files", **files}}
    content |= {} if columns is None else {"columns": columns}
    adapter: TypeAdapter[Any] = TypeAdapter(KindSection)
    section = adapter.validate_python(content)
    path = directory / "answers.jsonl"
    path.write_text(answers)
    teacher = AnswersTeacher.model_validate({"origin": "answers", "train": path, **fields})
    read_answers(teacher, section, load_benchmark(section, 0))


def lines(*first: object) -> str:
    """Return a file whose first answers are replaced."""
    rows = [{**GOOD[i], "answer": answer} for i, answer in enumerate(first)]
    return "\n".join(map(json.dumps, [*rows, *GOOD[len(first) :]]))


def spans(*first: object) -> str:
    return "\n".join(json.dumps({"text": text, "answer": list(first)}) for text in TEXTS)


def same(answer: object) -> str:
    return "\n".join(json.dumps({"text": text, "answer": answer}) for text in TEXTS)


CLASSES = "text-classification"
TOKENS = "token-classification"
FAULTS = [
    (CLASSES, "", "answers.jsonl has no rows"),
    (CLASSES, "{", "line 1 is not JSON"),
    (CLASSES, "[1]", "line 1 is list, not an object"),
    (CLASSES, '{"answer": {"cold": 1}}', "line 1: no column 'text'"),
    (CLASSES, '{"text": ""}', "line 1: 'text' is blank"),
    (CLASSES, json.dumps({"text": "a"}), "no column 'answer', and none with the numbers of 'cold'"),
    (CLASSES, json.dumps({"text": "a", "cold": 1}), "none with the numbers of 'warm'"),
    (CLASSES, lines({"cold": 1}, None), "line 2: 'answer' is null, not a mapping"),
    (CLASSES, lines("cold"), "line 1: 'answer' is str, not a mapping from labels"),
    (CLASSES, lines({}), "line 1: 'answer' names no label"),
    (CLASSES, lines({"hot": 1}), "line 1: 'answer' has the unknown label 'hot'; labels are 'cold'"),
    (CLASSES, lines({"cold": "high"}), "line 1: 'answer': 'cold' is 'high', not a number"),
    (CLASSES, lines({"cold": True}), "line 1: 'answer': 'cold' is True, not a number"),
    (CLASSES, lines({"cold": 1.2}), "line 1: 'answer': 'cold' is 1.2, not a probability from 0"),
    (CLASSES, lines({"cold": -0.1}), "line 1: 'answer': 'cold' is -0.1, not a probability"),
    (CLASSES, lines({"cold": float("nan")}), "line 1: 'answer': 'cold' is nan, not a finite"),
    (CLASSES, lines({"cold": 0.8, "warm": 0.8}), "line 1: 'answer': the probabilities sum to 1.6"),
    (CLASSES, lines({"cold": 0.3, "warm": 0.3}), "line 1: 'answer': the probabilities sum to 0.6"),
    (CLASSES, lines("{broken"), "line 1: 'answer' is not JSON"),
    (CLASSES, lines() + "\n" + lines({"cold": 0.2}), "line 21: another answer than in line 1"),
    (CLASSES, lines().replace("press", "other"), "no row of the data has an answer"),
    (CLASSES, "\n".join(lines().split("\n")[:10]), "rows have no answer, such as 'press number"),
    ("multi-label", same({"hot": 1}), "line 1: 'answer' has the unknown label 'hot'"),
    ("multi-label", same(["cold"]), "line 1: 'answer' is list, not a mapping"),
    ("regression", same("much"), "line 1: 'answer' is 'much', not a number"),
    (TOKENS, spans({"start": 0, "end": 99, "label": "LOC"}), "start 0 and end 99 are not a span"),
    (TOKENS, spans({**SPAN, "label": "PER"}), "line 1: 'answer' has the unknown type 'PER'"),
    (TOKENS, spans({**SPAN, "confidence": 3}), "line 1: 'answer': 'confidence' is 3, not from 0"),
    (TOKENS, same({"start": 0}), "line 1: 'answer' is dict, not a list of spans"),
]


@pytest.mark.parametrize(("kind", "answers", "message"), FAULTS)
def test_a_fault_is_reported_in_one_line(
    kind: str, answers: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, answers, kind)
    assert message in str(error.value)
    assert str(error.value).startswith("teacher.train: ")
    assert "\n" not in str(error.value)


def test_log_probabilities_above_0_are_refused(tmp_path: Path) -> None:
    message = "line 1: 'answer': 'cold' is 0.9, but a log-probability is at most 0"
    with pytest.raises(InputError, match=message):
        read(tmp_path, lines(), CLASSES, values="log-probabilities")


def test_answers_for_a_validation_split_that_is_cut_from_train_belong_to_train(
    tmp_path: Path,
) -> None:
    write_jsonl(tmp_path / "more.jsonl", GOOD)
    with pytest.raises(InputError, match=r"teacher\.validation: the validation rows are cut"):
        read(tmp_path, lines(), CLASSES, validation=tmp_path / "more.jsonl")
