"""Students that start from a model of another family with another tokenizer than the teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.data.word_tokens import UNSEEN
from coldpress.data.words import split_words
from coldpress.distillation import Logits
from coldpress.distillation.method import DistillationContext
from coldpress.distillation.pretrained_student import VectorForm, load_source, vector_form
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION, task_kind
from coldpress.kinds.kind import TaskKind
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, score
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import Dense, SentenceHead, read_head, write_head
from coldpress.model.serialization import describe_model, save_classifier
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor
from coldpress.pruning import Neurons, Vocabulary
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.pipeline import run_steps
from coldpress.quantization import DynamicInt8
from coldpress.quantization.core.storage import save_quantized
from coldpress.quantization.method import QuantizationContext
from coldpress.teacher.pretrained import DirectoryModel
from coldpress.teacher.spec import ScratchModel
from coldpress.training.loop import reseed
from tests.coldpress.conftest import SIZES
from tests.support.foreign_tokenizer import foreign_tokenizer
from tests.support.method_sections import PLAN

Make = Callable[..., Classifier]
FAMILIES = ("distilbert", "roberta")
TOKENS = KINDS["token-classification"]
VECTORS = task_kind("sentence-embedding")


@pytest.fixture
def pretrained(random_classifier: Make) -> Make:
    """Build a model of a family whose three labels are not those of the benchmark."""

    def make(family: str) -> Classifier:
        classifier = random_classifier(family, pad_token_id=1)
        return replace(classifier, tokenizer=foreign_tokenizer(), labels=("no", "perhaps", "yes"))

    return make


def saved(classifier: Classifier, directory: Path) -> DirectoryModel:
    directory.mkdir()
    save_classifier(classifier, directory)
    return DirectoryModel(origin="directory", path=directory)


def benchmark_of(kind: TaskKind, labels: tuple[str, ...], split: Split) -> Benchmark:
    return Benchmark(kind, labels, split, split, split, digest="", overlap=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_student_has_its_own_tokenizer_and_a_new_head(
    family: str, pretrained: Make, tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    original = pretrained(family)
    model = saved(original, tmp_path / "model")
    benchmark = benchmark_of(TEXT_CLASSIFICATION, tiny.labels, split)
    torch.manual_seed(0)
    source = load_source(model, benchmark, 16, None)
    assert source.config.model_type == family
    assert (source.labels, source.kind) == (tiny.labels, TEXT_CLASSIFICATION)
    assert source.tokenizer.encode("cold").ids == [0, 10, 2]
    assert torch.equal(source.token_table.weight, original.token_table.weight)
    output = source.module.get_submodule(source.output_head.output)
    assert output.get_parameter("bias").tolist() == [0.0, 0.0, 0.0]
    # Those of the original have a standard deviation of 0.5.
    assert 0 < output.get_parameter("weight").std() < 0.05


def test_a_student_from_scratch_has_a_tokenizer_of_the_training_texts(split: Split) -> None:
    model = ScratchModel(origin="scratch", layers=1, hidden_size=8, heads=2, neurons=16)
    benchmark = benchmark_of(TEXT_CLASSIFICATION, ("a", "b", "c"), split)
    source = load_source(model, benchmark, 16, None)
    assert (len(source.layers), source.config.hidden_size, source.labels) == (
        1,
        8,
        benchmark.labels,
    )
    assert source.tokenizer.encode("cold", add_special_tokens=False).tokens == ["cold"]
    vectors = load_source(
        model, benchmark_of(VECTORS, ("vector",), split), 16, VectorForm(5, False)
    )
    assert read_head(vectors.config) == SentenceHead("mean", Dense(5), False)


def test_the_form_of_vectors_is_read_from_them() -> None:
    unit = torch.tensor([[0.6, 0.8], [1.0, 0.0]]).half()
    assert vector_form(unit, None) == VectorForm(2, True)
    assert vector_form(torch.cat([unit, 2 * unit]), 1) == VectorForm(1, False)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_student_of_another_family_passes_all_later_stages(
    family: str, pretrained: Make, tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    rows = Split(split.ids, split.texts, None, split.targets[:9])
    model = saved(pretrained(family), tmp_path / "model")
    student = {"from": {"origin": "directory", "path": model.path}, "layers": 2, "neurons": 20}
    method = Logits.model_validate(
        {"method": "logits", "student": student, "epochs": 5, "learning_rate": 1e-2, "alpha": 1.0}
    )
    reseed(0, "distill_student")
    source = load_source(model, benchmark_of(TEXT_CLASSIFICATION, tiny.labels, split), 16, None)
    data = soft_target_data(source, method, compute_soft_targets(tiny, rows), rows, split)
    before = float(data.loss(source.logits(data.train), torch.arange(12)))
    distilled = method.distill(source, DistillationContext(data, rows))
    assert float(data.loss(distilled.logits(data.train), torch.arange(12))) < before
    assert [(shape.heads, shape.neurons) for shape in distilled.shapes] == [(4, 20), (4, 20)]
    context = PruningContext(data, PLAN, rows.texts)
    steps: list[PruningMethod] = [
        Vocabulary(method="vocabulary"),
        Neurons(method="neurons", keep_neurons=0.5),
    ]
    pruned = run_steps(steps, distilled, context).classifier
    assert len(pruned.token_table.weight) == 11  # without the word of no text
    assert_served(pruned, split, tmp_path)


def assert_served(model: Classifier, split: Split, directory: Path) -> None:
    """The quantized model is exported, predicts as in torch, and is read with its own tokenizer."""
    rows = encode(model.tokenizer, split)
    data = soft_target_data(
        model,
        Logits.model_validate({"method": "logits", "student": {"layers": 1}}),
        compute_soft_targets(model, split),
        split,
        split,
    )
    quantized = DynamicInt8(method="dynamic-int8").quantize(model, QuantizationContext(data))
    manifest = describe_model(Manifest(stage="quantize"), model)
    with new_checkpoint(directory / "quantized", manifest) as target:
        save_quantized(quantized, target)
    checkpoint = Checkpoint.open(directory / "quantized")
    exported = describe_model(Manifest(stage="export_onnx"), model)
    with new_checkpoint(directory / "onnx", exported) as target:
        export(checkpoint, target, 17, {})
    assert check_parity(checkpoint, directory / "onnx" / "model.onnx", rows).label_agreement == 1.0
    records = Predictor(directory / "onnx").predict(list(split.texts))
    expected = [model.labels[index] for index in quantized.logits(rows).argmax(dim=1)]
    assert [record["label"] for record in records] == expected


def test_words_that_the_teacher_does_not_see_are_left_out(
    random_classifier: Make, pretrained: Make, split: Split, tmp_path: Path
) -> None:
    words = replace(split, targets=(), words=tuple(map(split_words, split.texts)))
    teacher = random_classifier("bert", TOKENS)
    teacher.tokenizer.enable_truncation(4)  # two words
    method = Logits.model_validate({"method": "logits", "student": {"layers": 1}})
    model = saved(pretrained("distilbert"), tmp_path / "model")
    source = load_source(model, benchmark_of(TOKENS, teacher.labels, words), 16, None)
    data = soft_target_data(source, method, compute_soft_targets(teacher, words), words, words)
    assert data.train.words is not None
    assert data.validation.words is not None
    counts = [len(text.split()) for text in split.texts]
    assert [np.sum(row != UNSEEN) for row in data.validation.words] == counts
    assert [np.sum(row != UNSEEN) for row in data.train.words] == [min(n, 2) for n in counts]


@pytest.mark.parametrize(
    ("teachers", "students"),
    [
        (SentenceHead("cls", Dense(12), False), SentenceHead("mean", Dense(12), False)),
        (SentenceHead("cls", None, False), SentenceHead("mean", None, False)),
    ],
)
def test_vectors_get_the_length_of_the_teachers(
    teachers: SentenceHead,
    students: SentenceHead,
    pretrained: Make,
    tokenizer: Tokenizer,
    split: Split,
    tmp_path: Path,
) -> None:
    rows = replace(split, targets=())
    torch.manual_seed(0)
    config = AutoConfig.for_model("bert", vocab_size=12, pad_token_id=0, **SIZES)
    write_head(config, teachers)
    module = new_module(VECTORS, config).eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    teacher = Classifier(module, tokenizer, ("vector",), VECTORS)
    model = saved(pretrained("roberta"), tmp_path / "model")
    form = vector_form(compute_soft_targets(teacher, rows).logits, None)
    source = load_source(model, benchmark_of(VECTORS, ("vector",), rows), 16, form)
    assert read_head(source.config) == students
    method = Logits.model_validate(
        {"method": "logits", "student": {"layers": 2}, "epochs": 10, "learning_rate": 1e-2}
    )
    data = soft_target_data(source, method, compute_soft_targets(teacher, rows), rows, rows)
    before = score(source, data.validation)
    student = method.distill(source, DistillationContext(data, rows))
    assert score(student, data.validation) > before + 0.1
