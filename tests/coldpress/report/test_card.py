"""Model card: front matter, read by the hub's own library, and text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard, ModelCardData

from coldpress.kinds import TextClassificationBenchmark
from coldpress.report import method
from coldpress.report.card import render_card
from tests.support import examples

ESCAPED = "&lt;script&gt;alert('x')&lt;/script&gt;"


def data_of(card: str) -> ModelCardData:
    """Front matter as the hub's library reads it."""
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def sections(card: str) -> list[str]:
    return re.findall(r"^## (.*)$", card, flags=re.MULTILINE)


def section(card: str, title: str) -> str:
    """Text under a heading."""
    return card.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0].strip()


def test_the_hub_reads_the_metrics() -> None:
    data = data_of(render_card(examples.findings()))
    assert (data.library_name, data.pipeline_tag) == ("onnxruntime", "text-classification")
    assert (data.base_model, data.license, data.language) == ("some/encoder", None, None)
    assert data.tags == ["coldpress", "onnx", "distillation", "pruning", "quantization"]
    metadata = {result.metric_type: result.metric_value for result in data.eval_results or ()}
    assert metadata == {"accuracy": 0.948, "f1": 0.928, "expected_calibration_error": 0.021}
    assert {result.dataset_split for result in data.eval_results or ()} == {"test"}
    assert data.model_name == "trec"


def test_a_dataset_of_the_hub_is_named_with_its_revision() -> None:
    findings = examples.findings()
    source = {"origin": "hub", "dataset": "CogComp/trec", "revision": "65752bf"}
    benchmark = TextClassificationBenchmark.model_validate(
        {"kind": "text-classification", "source": source}
    )
    card = render_card(
        replace(findings, recipe=findings.recipe.model_copy(update={"benchmark": benchmark}))
    )
    data = data_of(card)
    assert data.datasets == ["CogComp/trec"]
    metadata = {
        (result.dataset_type, result.dataset_revision) for result in data.eval_results or ()
    }
    assert metadata == {("CogComp/trec", "65752bf")}
    assert "CogComp/trec on the Hugging Face hub, revision 65752bf." in section(card, "Data")


def test_everything_that_was_measured_has_its_section() -> None:
    assert sections(render_card(examples.findings())) == [
        "What it is",
        "Data",
        "Method",
        "Scorecard",
        "Loss by class and slice",
        "Limits",
        "How to load",
        "Gate",
        "Lineage",
        "Conditions",
    ]


def test_a_missing_measurement_is_a_limit_without_a_section() -> None:
    card = render_card(examples.bare())
    assert sections(card) == ["What it is", "Data", "Method", "Scorecard", "Limits", "How to load"]
    assert section(card, "Limits").splitlines()[1:] == [
        "- Loss by class and slice was not evaluated.",
        "- Invariance to batch, padding and threads was not measured.",
        "- Throughput, cold start and memory were not measured.",
        "- Energy was not measured.",
        "- It was not checked by a gate.",
    ]
    assert "None" not in card


def test_groups_too_small_to_show_a_loss_are_named() -> None:
    limits = section(render_card(examples.findings()), "Limits")
    assert f"- Too few rows to detect any loss: label {ESCAPED}." in limits
    assert "- 3 of the test texts also occur in the training data." in limits


def test_user_text_is_neither_html_nor_markdown() -> None:
    card = render_card(examples.findings())
    assert card.count(ESCAPED) == 5
    assert "<" not in card


def test_the_method_is_described_by_the_docstrings_of_its_sections() -> None:
    steps = dict(method.describe_steps(examples.recipe()))
    assert list(steps) == [
        "Teacher",
        "Distillation, logits",
        "Pruning, neurons",
        "Pruning, heads",
        "Quantization, dynamic-int8",
        "Export",
    ]
    assert steps["Teacher"].startswith(
        "A pretrained encoder on the Hugging Face hub. Id some/encoder, revision c0ffee, epochs 3,"
    )
    assert "Keep neurons 0.5" in steps["Pruning, neurons"]


def test_a_skipped_stage_is_not_described() -> None:
    recipe = examples.recipe().model_copy(update={"distill": None, "prune": [], "quantize": None})
    assert [name for name, _ in method.describe_steps(recipe)] == ["Teacher", "Export"]
    tags = data_of(render_card(replace(examples.findings(), recipe=recipe))).tags
    assert tags == ["coldpress", "onnx"]


def test_a_checkpoint_is_not_described_as_a_file() -> None:
    recipe = examples.recipe().model_copy(update={"export": None})
    card = render_card(replace(examples.findings(), recipe=recipe))
    data = data_of(card)
    assert (data.library_name, data.tags[:1] if data.tags else None) == ("pytorch", ["coldpress"])
    assert "onnx" not in (data.tags or ())
    assert "The recipe has `export: null`" in section(card, "How to load")
    assert "Predictor" not in card
    assert "Export" not in dict(method.describe_steps(recipe))


@pytest.mark.parametrize(("pair", "call"), [(None, '["a text"])'), ("b", '["its second text"])')])
def test_pairs_are_loaded_as_pairs(pair: str | None, call: str) -> None:
    recipe = examples.recipe()
    columns = recipe.benchmark.columns.model_copy(update={"text_pair": pair})
    benchmark = recipe.benchmark.model_copy(update={"columns": columns})
    findings = replace(
        examples.findings(), recipe=recipe.model_copy(update={"benchmark": benchmark})
    )
    assert call in section(render_card(findings), "How to load")


def test_equal_findings_give_equal_bytes() -> None:
    assert render_card(examples.findings()) == render_card(examples.findings())


def test_each_processor_has_its_latency() -> None:
    lines = render_card(examples.two_processors()).splitlines()
    row = next(line for line in lines if "arm" in line)
    assert "| 94.8 | 0.62 | 0.75 | 21.9x" in row
    assert "<b>" not in row
    assert "## Processors" not in render_card(examples.findings())


def test_the_precision_of_parts_is_listed() -> None:
    shown = render_card(examples.quantized())
    assert "| embeddings | 4 |  | x |" in shown
    assert "| a; b | 3 | 8 | int8, y |" in shown
    assert "Precision by part" not in render_card(examples.bare())
