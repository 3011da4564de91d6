"""A teacher with sentence-transformers files computes the vectors that its files describe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier
from coldpress.teacher.build import build_teacher
from coldpress.teacher.sentence_teacher import (
    check_dimension,
    check_sentence_teacher,
    sentence_digest,
)
from coldpress.teacher.spec import Teacher

KIND = task_kind("sentence-embedding")


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture(params=["bert", "distilbert", "eurobert", "modernbert", "mpnet"])
def encoder(
    request: pytest.FixtureRequest, random_classifier: Callable[[str], Classifier], tmp_path: Path
) -> Path:
    """A bare encoder as published: without a head, its weights without the prefix `bert.`."""
    classifier = random_classifier(request.param)
    directory = tmp_path / "encoder"
    directory.mkdir()
    save_classifier(classifier, directory)
    prefix = f"{classifier.architecture.encoder}."
    state = load_file(directory / "model.safetensors")
    weights = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    write_json(directory / "config.json", {**config, "architectures": ["AnyModel"]})
    return directory


def add_modules(directory: Path, weight: Tensor, bias: Tensor) -> None:
    """Add the mean of the token vectors, a linear layer with tanh, and a normalization."""
    names = ("", "1_Pooling", "2_Dense", "3_Normalize")
    classes = ("Transformer", "Pooling", "Dense", "Normalize")
    modules = [
        {"path": path, "type": f"sentence_transformers.models.{name}"}
        for path, name in zip(names, classes, strict=True)
    ]
    write_json(directory / "modules.json", modules)
    write_json(directory / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    activation = "torch.nn.modules.activation.Tanh"
    dense = {"in_features": 16, "out_features": len(weight), "activation_function": activation}
    write_json(directory / "2_Dense" / "config.json", dense)
    save_file(
        {"linear.weight": weight, "linear.bias": bias},
        directory / "2_Dense" / "model.safetensors",
    )


def build(directory: Path, split: Split) -> Classifier:
    teacher = Teacher.model_validate({"model": str(directory), "epochs": 0})
    texts = Split(split.ids, split.texts, None, ())
    return build_teacher(teacher, Benchmark(KIND, ("vector",), texts, texts, texts, "", 0), 16)


def mean_vectors(directory: Path, teacher: Classifier, split: Split) -> Tensor:
    """Mean token vectors by transformers, text by text: no padding."""
    model = AutoModel.from_pretrained(directory, attn_implementation="eager").eval()
    rows = encode(teacher.tokenizer, Split(split.ids, split.texts, None, ()))
    with torch.inference_mode():
        states = [
            model(input_ids=torch.from_numpy(ids)[None]).last_hidden_state.mean(dim=1)
            for ids in rows.input_ids
        ]
    return torch.cat(states)


def vectors(teacher: Classifier, split: Split) -> Tensor:
    return teacher.logits(encode(teacher.tokenizer, Split(split.ids, split.texts, None, ())))


def test_a_plain_encoder_has_the_normalized_mean(encoder: Path, split: Split) -> None:
    teacher = build(encoder, split)
    expected = torch.nn.functional.normalize(mean_vectors(encoder, teacher, split), dim=1)
    torch.testing.assert_close(vectors(teacher, split), expected, rtol=1e-4, atol=1e-5)


def test_a_linear_layer_is_loaded_from_its_folder(encoder: Path, split: Split) -> None:
    torch.manual_seed(1)
    weight, bias = torch.randn(5, 16), torch.randn(5)
    add_modules(encoder, weight, bias)
    teacher = build(encoder, split)
    dense = torch.tanh(mean_vectors(encoder, teacher, split) @ weight.T + bias)
    expected = torch.nn.functional.normalize(dense, dim=1)
    assert teacher.output_size == 5
    torch.testing.assert_close(vectors(teacher, split), expected, rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_coldpress_keeps_its_head(
    encoder: Path, split: Split, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    add_modules(encoder, torch.randn(5, 16), torch.randn(5))
    teacher = build(encoder, split)
    (tmp_path / "checkpoint").mkdir()
    save_classifier(teacher, tmp_path / "checkpoint")
    again = build(tmp_path / "checkpoint", split)
    torch.testing.assert_close(vectors(again, split), vectors(teacher, split))


def test_weights_of_another_shape_are_refused(encoder: Path, split: Split) -> None:
    add_modules(encoder, torch.randn(5, 7), torch.randn(5))
    with pytest.raises(InputError) as error:
        build(encoder, split)
    assert "2_Dense/model.safetensors: " in str(error.value)
    assert "size mismatch" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_head_is_part_of_the_teachers_identity(encoder: Path) -> None:
    model = Teacher.model_validate({"model": str(encoder), "epochs": 0}).model
    plain = sentence_digest(model)
    add_modules(encoder, torch.zeros(5, 16), torch.zeros(5))
    with_dense = sentence_digest(model)
    add_modules(encoder, torch.ones(5, 16), torch.zeros(5))
    assert len({plain, with_dense, sentence_digest(model)}) == 3


def test_vectors_can_be_shortened_unless_an_activation_ends_them(encoder: Path) -> None:
    model = Teacher.model_validate({"model": str(encoder), "epochs": 0}).model
    check_dimension(model, 16, 16)
    with pytest.raises(InputError, match="dimension: 17, but the teacher's vectors have 16"):
        check_dimension(model, 17, 16)
    add_modules(encoder, torch.zeros(5, 16), torch.zeros(5))
    with pytest.raises(InputError, match="dimension: 6, but the teacher's vectors have 5"):
        check_dimension(model, 6, 16)
    with pytest.raises(InputError, match="the teacher's linear layer ends in tanh"):
        check_dimension(model, 4, 16)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 2}, "teacher.epochs: 2, but texts of kind sentence-embedding have no labels"),
        ({"epochs": 0, "labels": {"a": "b"}}, "teacher.labels: models of kind"),
    ],
)
def test_a_teacher_is_used_as_it_is(settings: dict[str, object], message: str) -> None:
    teacher = Teacher.model_validate({"model": {"origin": "scratch"}, **settings})
    with pytest.raises(InputError, match=message):
        check_sentence_teacher(teacher)
