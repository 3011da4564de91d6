"""transformers loads checkpoints by the class and labels that their configuration names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.kinds import task_kind
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.serialization import write_checkpoint

CLASSES = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "eurobert": "EuroBert",
    "modernbert": "ModernBert",
    "mpnet": "MPNet",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
}
SUFFIXES = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "sentence-embedding": "Model",
}
Make = Callable[..., Classifier]


READ_BY_TRANSFORMERS = sorted(ARCHITECTURES.keys() - {"deberta-v2"})
"""Layers of DeBERTa have positions of their own, where transformers has one table."""


def build(family: str, kind: str, make: Make) -> Classifier:
    """Build a tiny model; vectors are the mean of the encoder's last hidden states."""
    classifier = make(family, task_kind("text-classification" if "sent" in kind else kind))
    if kind != "sentence-embedding":
        return classifier
    write_head(classifier.config, SentenceHead("mean", None, normalize=False))
    module = new_module(task_kind(kind), classifier.config).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return Classifier(module, classifier.tokenizer, ("vector",), task_kind(kind))


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        *((family, "text-classification") for family in READ_BY_TRANSFORMERS),
        *((family, "sentence-embedding") for family in READ_BY_TRANSFORMERS),
        *((family, "token-classification") for family in ("bert", "eurobert", "modernbert")),
    ],
)
def test_the_class_that_a_checkpoint_names_computes_the_same(
    family: str, kind: str, random_classifier: Make, tmp_path: Path
) -> None:
    classifier = build(family, kind, random_classifier)
    write_checkpoint(classifier, tmp_path / "made", Manifest(stage="train_teacher"))
    content = json.loads((tmp_path / "made" / "config.json").read_text())
    assert content["architectures"] == [CLASSES[family] + SUFFIXES[kind]]
    loader = getattr(transformers, content["architectures"][0])
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "made")
    inputs = tokenizer(["cold press olive"], return_tensors="pt")
    with torch.inference_mode():
        output = loader.from_pretrained(tmp_path / "made").eval()(**inputs)
    split = Split(("row",), ("cold press olive",), None, (0,))
    ours = classifier.module(**classifier.inputs(encode(classifier.tokenizer, split).batch([0])))
    torch.testing.assert_close(values(output, kind), ours.logits.detach(), rtol=1e-5, atol=1e-5)


def values(output: Any, kind: str) -> Tensor:  # noqa: ANN401 - one of transformers' classes
    sentence = kind == "sentence-embedding"
    tensor: Tensor = output.last_hidden_state.mean(dim=1) if sentence else output.logits
    return tensor


def test_a_pipeline_of_transformers_reads_a_checkpoint(tiny: Classifier, tmp_path: Path) -> None:
    write_checkpoint(tiny, tmp_path / "made", Manifest(stage="train_teacher"))
    classify: Any = transformers.pipeline("text-classification", str(tmp_path / "made"), top_k=None)
    (found,) = classify(["cold press olive"])
    split = Split(("row",), ("cold press olive",), None, (0,))
    expected = tiny.logits(encode(tiny.tokenizer, split)).softmax(-1)[0]
    scores = {record["label"]: record["score"] for record in found}
    assert scores == pytest.approx(dict(zip(tiny.labels, expected.tolist(), strict=True)), abs=1e-6)


def test_equal_models_of_another_transformers_have_equal_configurations(
    tiny: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tiny, tmp_path / "one", Manifest(stage="prune"))
    monkeypatch.setattr("transformers.configuration_utils.__version__", "9.0.0")
    write_checkpoint(tiny, tmp_path / "two", Manifest(stage="prune"))
    one, two = ((tmp_path / name / "config.json").read_text() for name in ("one", "two"))
    assert one == two
