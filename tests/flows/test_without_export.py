"""`export: null`: the last checkpoint is evaluated, gated and registered as the final model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.command import Coldpress
from tests.support.kind_runs import report_page

pytestmark = pytest.mark.xdist_group("tiny-run")

NO_FILE = ("--set", "export=null", "--set", "gate={max_drop: 1.0, max_class_drop: 1.0}")
RECIPE_NOTE = "its recipe has export: null"


def statuses(outcome: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in outcome["stages"]]


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress, tiny_run: dict[str, Any]) -> dict[str, Any]:
    return coldpress.run_tiny(*NO_FILE)


def test_the_last_checkpoint_is_evaluated(
    outcome: dict[str, Any], tiny_run: dict[str, Any]
) -> None:
    assert statuses(outcome) == ["reused"] * 5 + ["skipped", "ran"]
    assert outcome["stages"][5]["registered"] is None
    models = outcome["evaluation"]["models"]
    assert list(models) == ["teacher", "student", "pruned", "quantized"]
    assert models["quantized"]["scores"] == tiny_run["evaluation"]["models"]["quantized"]["scores"]
    file_fields = ("latency_ms", "speedup", "invariance", "serving")
    assert [models["quantized"][name] for name in file_fields] == [None] * 4
    assert models["pruned"]["speedup_same_runtime"] is None
    assert outcome["evaluation"]["equity"] != []


def test_the_gate_compares_the_checkpoint_with_the_teacher(outcome: dict[str, Any]) -> None:
    gate = outcome["gate"]
    assert gate["passed"]
    assert [check["name"] for check in gate["checks"]] == ["max_drop", "max_class_drop"]
    assert gate["checks"][0]["sentence"].startswith("Compared with the teacher, its accuracy is ")


def test_the_checkpoint_becomes_the_challenger(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    result = coldpress("lineage", "tiny-quantized@challenger")
    assert result.code == 0, result.error
    assert "tiny-quantized/1" in result.output


def test_an_unchanged_recipe_is_reused(coldpress: Coldpress, outcome: dict[str, Any]) -> None:
    again = coldpress.run_tiny(*NO_FILE)
    assert statuses(again) == ["reused"] * 5 + ["skipped", "reused"]
    assert again["stages"][6]["digest"] == outcome["stages"][6]["digest"]
    assert again["gate"] == outcome["gate"]


def test_without_quantization_the_pruned_model_is_the_final_one(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    pruned = coldpress.run_tiny(*NO_FILE, "--set", "quantize=null")
    assert statuses(pruned) == ["reused"] * 4 + ["skipped"] * 2 + ["ran"]
    assert pruned["gate"]["passed"]
    final = pruned["evaluation"]["models"]["pruned"]
    assert (final["runtime"], final["batch"]) == ("torch", 1)
    assert final["latency_ms"]["p50"] > 0
    assert "Pruned" in report_page(coldpress, "tiny-pruned/1").title()


def test_report_and_card_describe_a_checkpoint(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "tiny-quantized/1")
    assert "From the last checkpoint back to the teacher" in page
    assert 'id="cost"' not in page
    card = coldpress("card", "tiny-quantized/1").output
    assert "# tiny-quantized, version 1" in card
    assert " of texts as a checkpoint: " in card
    assert "The recipe has `export: null`" in card
    assert "library_name: pytorch" in card
    assert "onnx" not in card.partition("model-index")[0]
    assert "coldpress pull" not in card
    assert "- Invariance to batch, padding and threads was not measured." in card


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "tiny-quantized@challenger", "where is my order"),
        ("pull", "tiny-quantized/1", "pulled-checkpoint"),
        ("promote", "tiny-quantized/1", "--reason", "it passed"),
    ],
)
def test_what_needs_a_file_is_refused(
    coldpress: Coldpress, outcome: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert outcome["gate"]["passed"]
    result = coldpress(*words)
    assert result.code == 2
    (line,) = result.error.splitlines()
    assert "is a checkpoint of quantize" in line
    assert line.endswith(RECIPE_NOTE)


def test_a_name_that_never_had_a_file_says_why(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    bare = coldpress.run_tiny(*NO_FILE, "--set", "name=bare")
    assert statuses(bare) == [*statuses(outcome)[:5], "skipped", "reused"]
    assert bare["stages"][4]["registered"] == "bare-quantized/1"
    for reference in ("bare", "bare@champion"):
        result = coldpress("predict", reference, "where is my order")
        assert result.code == 2
        message = f"model: no {reference} in the registry; {RECIPE_NOTE}"
        assert result.error == f"coldpress: {message}\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ("gate.min_speedup=5",),
            "gate.min_speedup: not possible with export: null, which leaves no file to measure",
        ),
        (("gate={max_p95_ms: 5}",), "gate.max_p95_ms: not possible with export: null"),
        (("gate={max_label_change: 0.1}",), "gate.max_label_change: not possible with export"),
        (("gate={parity: 0.1}",), "gate.parity: unknown key"),
        (
            ("gate=null", "distill=null", "prune=null", "quantize=null"),
            "export: null, but nothing is distilled, pruned or quantized",
        ),
    ],
)
def test_a_recipe_that_needs_the_file_is_refused_before_a_run(
    coldpress: Coldpress, changes: tuple[str, ...], message: str
) -> None:
    words = [word for change in ("export=null", *changes) for word in ("--set", change)]
    result = coldpress("check", "./tiny.yaml", *words)
    assert result.code == 2
    (line,) = result.error.splitlines()
    assert message in line
