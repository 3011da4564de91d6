"""A model that is run for its outputs is checked before its weights are loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from coldpress.benchmark.loading import Benchmark
from coldpress.data.splits import Split, row_ids
from coldpress.errors import InputError
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION, task_kind
from coldpress.kinds.kind import TaskKind
from coldpress.teacher.outputs.checks import check_outputs_teacher
from coldpress.teacher.outputs.section import OutputsTeacher
from coldpress.teacher.outputs.source import load_outputs_teacher
from tests.support.decoder_models import save_decoder
from tests.support.local_hub import LocalHub

TEXTS = ("cold press", "warm")
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, (0, 1))


def benchmark(kind: TaskKind = TEXT_CLASSIFICATION) -> Benchmark:
    return Benchmark(kind, ("cold", "warm"), SPLIT, SPLIT, SPLIT, digest="", overlap=0)


def teacher(directory: Path, labels: dict[str, str] | None = None) -> OutputsTeacher:
    return OutputsTeacher.model_validate(
        {"origin": "outputs", "model": str(directory), "label_names": labels}
    )


def test_outputs_are_in_the_order_of_the_benchmarks_labels(tmp_path: Path) -> None:
    save_decoder(tmp_path / "a", labels=("cold", "warm"))
    save_decoder(tmp_path / "b", labels=("hot", "cold"))
    first = load_outputs_teacher(teacher(tmp_path / "a"), benchmark(), 32)
    second = load_outputs_teacher(teacher(tmp_path / "b", {"hot": "warm"}), benchmark(), 32)
    outputs = first.for_evaluation(SPLIT)
    assert np.array_equal(second.for_evaluation(SPLIT), outputs[:, ::-1])
    (rows,) = first.training_rows(benchmark(), None)
    assert np.array_equal(np.concatenate(rows.outputs), outputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auto_map": {"AutoModel": "x"}}, "auto_map is set; a model's own code is never run"),
        ({"quantization_config": {}}, "quantization_config is set"),
        ({"model_type": "vit"}, "no classifier of the family 'vit' for text-classification"),
        ({"id2label": {"0": "hot", "1": "warm"}}, "has the labels 'hot', 'warm', the benchmark"),
        ({"problem_type": "regression"}, "problem_type is 'regression', not 'single_label"),
    ],
)
def test_a_model_that_cannot_answer_is_refused(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    directory = save_decoder(tmp_path / "model")
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message) as error:
        check_outputs_teacher(teacher(directory), benchmark())
    assert "\n" not in str(error.value)


def test_kinds_whose_outputs_differ_are_refused(tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model")
    with pytest.raises(InputError, match="outputs is not possible with"):
        check_outputs_teacher(teacher(directory), benchmark(task_kind("sentence-embedding")))
    with pytest.raises(InputError, match="problem_type is missing, not 'multi_label"):
        check_outputs_teacher(teacher(directory), benchmark(KINDS["multi-label"]))


def test_a_model_on_the_hub_is_checked_before_its_weights_are_downloaded(
    local_hub: LocalHub, tmp_path: Path
) -> None:
    directory = save_decoder(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    local_hub.add("models", "owner/decoder", files)
    section = OutputsTeacher.model_validate({"origin": "outputs", "model": "owner/decoder"})
    check_outputs_teacher(section, benchmark())
    assert [path for path in local_hub.requests if path.endswith("model.safetensors")] == []
    outputs = load_outputs_teacher(section, benchmark(), 32).for_evaluation(SPLIT)
    local = load_outputs_teacher(teacher(directory), benchmark(), 32).for_evaluation(SPLIT)
    assert np.array_equal(outputs, local)
