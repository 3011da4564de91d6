"""YAML front matter of a model card, as the Hugging Face hub defines it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from coldpress.data.sources import HubSource
from coldpress.report.findings import Findings
from coldpress.teacher.pretrained import HubModel


def front_matter(findings: Findings) -> str:
    """Return the front matter as YAML, without the dashes around it.

    License and language are not in a recipe, so they are left for the user to add.
    """
    has_file = findings.recipe.export is not None
    fields = {
        "library_name": "onnxruntime" if has_file else "pytorch",
        "pipeline_tag": findings.kind.pipeline_tag,
        **_sources(findings),
        "tags": ["coldpress", *(["onnx"] if has_file else []), *_methods(findings)],
        "metrics": [metric.hub_name for metric in findings.kind.metrics],
        "model-index": [{"name": findings.name, "results": [_result(findings)]}],
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _sources(findings: Findings) -> dict[str, Any]:
    """Hub repositories that the model was made from."""
    sources: dict[str, Any] = {}
    model = findings.recipe.initial_model
    if isinstance(model, HubModel):
        sources["base_model"] = model.id
    if isinstance(findings.recipe.benchmark.source, HubSource):
        sources["datasets"] = [findings.recipe.benchmark.source.dataset]
    return sources


def _methods(findings: Findings) -> list[str]:
    recipe = findings.recipe
    methods = {
        "distillation": recipe.distill,
        "pruning": recipe.prune,
        "quantization": recipe.quantize,
    }
    return [name for name, section in methods.items() if section]


def _result(findings: Findings) -> dict[str, Any]:
    tag = findings.kind.pipeline_tag
    return {
        "task": {"type": tag, "name": tag.replace("-", " ").capitalize()},
        "dataset": _dataset(findings),
        "metrics": [
            {"type": hub_name, "name": heading, "value": round(value, 6)}
            for hub_name, heading, value in _measured(findings)
        ],
    }


def _measured(findings: Findings) -> Iterator[tuple[str, str, float]]:
    """Yield type, name and value of each metric of the final model."""
    final = findings.final
    for metric in findings.kind.metrics:
        yield metric.hub_name, metric.heading, final.scores[metric.name]
    if final.calibration_error is not None:
        error = final.calibration_error
        yield "expected_calibration_error", "Expected calibration error", error


def _dataset(findings: Findings) -> dict[str, str]:
    source = findings.recipe.benchmark.source
    if not isinstance(source, HubSource):
        return {"name": findings.recipe.name, "type": source.origin, "split": "test"}
    config = {"config": source.config} if source.config else {}
    pinned = {"split": source.test_split, "revision": source.revision}
    return {"name": source.dataset, "type": source.dataset, **config, **pinned}
