from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.teacher.pretrained import DirectoryModel, HubModel, fetch_model
from coldpress.teacher.spec import ScratchModel, Teacher, check_teacher_model, content_digest
from coldpress.teacher.weight_shapes import encoder_shapes, head_shapes
from tests.support.local_hub import COMMIT, LocalHub

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
TOKENIZER = Tokenizer(WordLevel({"[UNK]": 0, "cold": 1}, unk_token="[UNK]")).to_str().encode()

SIZES = {
    "model_type": "bert",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 10,
}

SHAPES = encoder_shapes(SIZES) | head_shapes(SIZES, ARCHITECTURES["bert"].classification_head, 2)
WEIGHTS = save({name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()})


def files(**config: Any) -> dict[str, bytes]:  # noqa: ANN401
    return {
        "config.json": json.dumps({**SIZES, **config}).encode(),
        "model.safetensors": WEIGHTS,
        "tokenizer.json": TOKENIZER,
    }


@pytest.fixture
def directory(tmp_path: Path) -> Callable[[dict[str, bytes]], DirectoryModel]:
    """Write files into a model's directory."""

    def write(contents: dict[str, bytes]) -> DirectoryModel:
        (tmp_path / "model").mkdir(exist_ok=True)
        for name, content in contents.items():
            (tmp_path / "model" / name).write_bytes(content)
        return DirectoryModel(origin="directory", path=tmp_path / "model")

    return write


Write = Callable[[dict[str, bytes]], DirectoryModel]


@pytest.mark.parametrize("text", ["/models/x", "./x", "../x", "~/x", "a/b/c"])
def test_paths_are_directories(text: str) -> None:
    assert isinstance(Teacher.model_validate({"model": text}).model, DirectoryModel)


@pytest.mark.parametrize("text", ["bert-base-uncased", "sentence-transformers/all-MiniLM-L6-v2"])
def test_a_plain_name_is_a_hub_id(text: str) -> None:
    model = Teacher.model_validate({"model": text}).model
    assert model == HubModel(origin="hub", id=text, revision="main")


def test_a_directory_with_safetensors_passes_even_beside_a_pickle(directory: Write) -> None:
    model = directory(files() | {"pytorch_model.bin": b"pickle"})
    check_teacher_model(model)
    assert fetch_model(model) == model.path


def test_sharded_weights_pass_when_every_shard_is_there(directory: Write) -> None:
    shards = files()
    shard = shards.pop("model.safetensors")
    index = {"weight_map": {"bert.weight": "model-00001-of-00001.safetensors"}}
    shards["model.safetensors.index.json"] = json.dumps(index).encode()
    with pytest.raises(InputError, match=r"model-00001-of-00001.safetensors cannot be read"):
        check_teacher_model(directory(shards))
    check_teacher_model(directory({"model-00001-of-00001.safetensors": shard}))


@pytest.mark.parametrize("shards", [None, [], {}, {"bert.weight": 3}])
def test_an_index_that_maps_no_weights_to_files_is_refused(
    directory: Write, shards: object
) -> None:
    contents = files()
    del contents["model.safetensors"]
    index = json.dumps({"weight_map": shards}).encode()
    with pytest.raises(InputError, match=r"model.safetensors.index.json has no weight_map"):
        check_teacher_model(directory(contents | {"model.safetensors.index.json": index}))


@pytest.mark.parametrize(
    ("missing", "instead", "message"),
    [
        ("config.json", {}, " is not a model: it has no config.json"),
        ("model.safetensors", {}, " has no model.safetensors and no index of shards"),
        (
            "model.safetensors",
            {"pytorch_model.bin": b"pickle"},
            " has no model.safetensors, only pickled weights, which are not supported",
        ),
        (
            "tokenizer.json",
            {},
            " has no tokenizer: it needs one of tokenizer.json, vocab.txt, vocab.json",
        ),
        (
            "config.json",
            {"config.json": b"{}"},
            " is not a transformers model: config.json has no model_type",
        ),
        (
            "config.json",
            {"config.json": b'{"model_type": "gpt2"}'},
            ": family 'gpt2' is not one of: bert, deberta-v2, distilbert, electra, eurobert,"
            " modernbert, mpnet, roberta, xlm-roberta",
        ),
        (
            "config.json",
            {"config.json": b"[]"},
            ": config.json is not a JSON object",
        ),
        (
            "config.json",
            {"config.json": b"{"},
            ": config.json cannot be read: Expecting property name enclosed in double quotes:"
            " line 1 column 2 (char 1)",
        ),
    ],
)
def test_directories_without_a_model_are_refused(
    directory: Write, missing: str, instead: dict[str, bytes], message: str
) -> None:
    contents = files()
    del contents[missing]
    model = directory(contents | instead)
    with pytest.raises(InputError) as error:
        check_teacher_model(model)
    assert str(error.value) == f"teacher.model.path: {model.path}{message}"


def test_a_configuration_that_is_nested_too_deeply_is_refused(directory: Write) -> None:
    with pytest.raises(InputError, match=r"config.json cannot be read: .*recursion"):
        check_teacher_model(directory(files() | {"config.json": 100_000 * b"["}))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[:-1], "cannot be read: "),
        (b"", "cannot be read: "),
        (POINTER, "is a git-lfs pointer, not the file itself; fetch it with: git lfs pull$"),
    ],
)
def test_weights_that_are_cut_short_or_only_a_pointer_are_refused(
    directory: Write, weights: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=rf"^teacher.model.path: .*model.safetensors {message}"):
        check_teacher_model(directory(files() | {"model.safetensors": weights}))


@pytest.mark.parametrize("use", [check_teacher_model, fetch_model])
def test_a_broken_tokenizer_in_a_directory_is_refused(
    directory: Write, use: Callable[[DirectoryModel], object]
) -> None:
    with pytest.raises(InputError, match=r"^teacher.model.path: .*: tokenizer.json cannot be"):
        use(directory(files() | {"tokenizer.json": b"{}"}))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "vocab.txt"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("use", [check_teacher_model, fetch_model])
def test_files_in_another_encoding_are_refused_by_check_and_run(
    directory: Write, name: str, encoding: str, use: Callable[[DirectoryModel], object]
) -> None:
    contents = {"tokenizer_config.json": b"{}", "vocab.txt": b"a\nb\n"} | files()
    use(directory(contents))
    model = directory({name: contents[name].decode().encode(encoding)})
    with pytest.raises(InputError, match=rf"^teacher.model.path: .*: {name} is UTF-.*; save it as"):
        use(model)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adapter_config.json", "has an adapter, which is not supported"),
        ("shard-00001-model-00001-of-00001.safetensors", "has distributed training shards"),
    ],
)
def test_files_that_transformers_would_load_in_place_of_the_weights_are_refused(
    directory: Write, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=rf"^teacher.model.path: .* {message}"):
        check_teacher_model(directory(files() | {name: b"{}"}))


@pytest.mark.parametrize("use", [check_teacher_model, fetch_model])
def test_non_finite_weights_are_refused(
    directory: Write, use: Callable[[DirectoryModel], object]
) -> None:
    weights = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    weights["bert.embeddings.LayerNorm.bias"][3] = np.nan
    model = directory(files() | {"model.safetensors": save(weights)})
    message = r"1 of the values of bert.embeddings.LayerNorm.bias are not finite numbers"
    with pytest.raises(InputError, match=rf"^teacher.model.path: .*: model.safetensors: {message}"):
        use(model)


def test_a_missing_directory_is_refused_without_asking_the_hub(
    local_hub: LocalHub, tmp_path: Path
) -> None:
    local_hub.add("models", "tiny/encoder", files())
    model = Teacher.model_validate({"model": f"{tmp_path}/encoder"}).model
    assert isinstance(model, DirectoryModel)
    for use in (check_teacher_model, fetch_model):
        with pytest.raises(InputError, match=r"^teacher.model.path: .*: no such directory$"):
            use(model)
    assert local_hub.requests == []


def test_the_hidden_size_must_be_a_multiple_of_the_heads() -> None:
    check_teacher_model(ScratchModel(origin="scratch", hidden_size=128, heads=4))
    with pytest.raises(InputError, match=r"^teacher.model.heads: 3 does not divide .* 128$"):
        check_teacher_model(ScratchModel(origin="scratch", hidden_size=128, heads=3))


def on_hub(revision: str = "main") -> HubModel:
    return HubModel(origin="hub", id="tiny/encoder", revision=revision)


def test_a_hub_model_is_checked_without_its_weights(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", files())
    check_teacher_model(on_hub())
    assert not any("model.safetensors" in path for path in local_hub.requests)


def test_a_hub_model_is_fetched_without_pickles_and_other_formats(local_hub: LocalHub) -> None:
    unused = {"pytorch_model.bin": b"p", "onnx/model.onnx": b"o", "README.md": b"#"}
    local_hub.add("models", "tiny/encoder", files() | unused)
    local = fetch_model(on_hub())
    assert {path.name for path in local.iterdir()} == set(files())
    assert content_digest(on_hub()) == COMMIT


def test_a_downloaded_pinned_model_needs_no_hub(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", files())
    local = fetch_model(on_hub(COMMIT))
    local_hub.requests.clear()
    check_teacher_model(on_hub(COMMIT))
    assert (fetch_model(on_hub(COMMIT)), content_digest(on_hub(COMMIT))) == (local, COMMIT)
    assert local_hub.requests == []


def test_shards_of_a_hub_model_have_the_names_of_its_index(local_hub: LocalHub) -> None:
    sharded = files()
    shards = {"part[1].safetensors": sharded.pop("model.safetensors"), "other.safetensors": b""}
    index = json.dumps({"weight_map": dict.fromkeys(SHAPES, "part[1].safetensors")}).encode()
    sharded |= {"model.safetensors.index.json": index}
    local_hub.add("models", "tiny/encoder", sharded | shards)
    check_teacher_model(on_hub())
    assert not any("part" in path for path in local_hub.requests)
    local = fetch_model(on_hub())
    assert {path.name for path in local.iterdir()} == {*sharded, "part[1].safetensors"}
    local_hub.requests.clear()
    assert fetch_model(on_hub(COMMIT)) == local
    check_teacher_model(on_hub(COMMIT))
    assert local_hub.requests == []


@pytest.mark.parametrize("use", [check_teacher_model, fetch_model])
def test_a_hub_model_with_pickled_weights_only_is_refused(
    local_hub: LocalHub, use: Callable[[HubModel], None]
) -> None:
    pickled = files()
    pickled["pytorch_model.bin"] = pickled.pop("model.safetensors")
    local_hub.add("models", "tiny/encoder", pickled)
    with pytest.raises(InputError, match=r"^teacher.model: tiny/encoder has no model.safetensors"):
        use(on_hub())


def test_a_hub_model_of_another_family_is_refused(local_hub: LocalHub) -> None:
    local_hub.add("models", "tiny/encoder", files(model_type="gpt2"))
    with pytest.raises(InputError, match=r"^teacher.model: tiny/encoder: family 'gpt2' is not"):
        check_teacher_model(on_hub())


@pytest.mark.parametrize("patterns", [["tokenizer.json"], ["*"]])
def test_a_broken_tokenizer_of_a_hub_model_is_refused_once_downloaded(
    local_hub: LocalHub, patterns: list[str]
) -> None:
    local_hub.add("models", "tiny/encoder", files() | {"tokenizer.json": b"{}"})
    check_teacher_model(on_hub())
    hub.download_snapshot("model", "tiny/encoder", COMMIT, patterns, "teacher.model")
    with pytest.raises(InputError, match=r"^teacher.model: tiny/encoder: tokenizer.json cannot be"):
        check_teacher_model(on_hub())


def test_the_digest_of_a_directory_changes_with_one_byte_of_what_is_used(directory: Write) -> None:
    model = directory(files() | {"README.md": b"old"})
    digest = content_digest(model)
    assert len(digest) == 64
    directory({"README.md": b"new"})
    assert content_digest(model) == digest
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        directory({name: files()[name] + b" "})
        assert content_digest(model) != digest
        directory({name: files()[name]})
    assert content_digest(model) == digest


def test_the_digest_covers_every_shard_that_the_index_names(directory: Write) -> None:
    sharded = files()
    shard = sharded.pop("model.safetensors")
    index = json.dumps({"weight_map": {"bert.weight": "part-b.safetensors"}}).encode()
    sharded |= {"model.safetensors.index.json": index, "part-b.safetensors": shard}
    model = directory(sharded)
    digest = content_digest(model)
    directory({"part-c.safetensors": shard})
    assert content_digest(model) == digest
    directory({"part-b.safetensors": shard[:-1] + b"\1"})
    assert content_digest(model) != digest


@pytest.mark.parametrize("name", ["tokenizer_config.json", "merges.txt", "spiece.model"])
def test_the_digest_covers_every_file_of_a_tokenizer(directory: Write, name: str) -> None:
    model = directory(files() | {name: b"{}"})
    digest = content_digest(model)
    directory({name: b"{ }"})
    assert content_digest(model) != digest


def test_a_copy_of_a_directory_has_the_same_digest(directory: Write, tmp_path: Path) -> None:
    model = directory(files())
    digest = content_digest(model)
    model.path.rename(tmp_path / "moved")
    assert content_digest(model.model_copy(update={"path": tmp_path / "moved"})) == digest


def test_the_digest_of_a_scratch_model_names_its_sizes() -> None:
    four = ScratchModel(origin="scratch", layers=4)
    assert content_digest(four) == content_digest(ScratchModel(origin="scratch"))
    assert content_digest(four) != content_digest(ScratchModel(origin="scratch", layers=5))


def test_an_unreachable_hub_hints_at_a_misspelt_directory(
    local_hub: LocalHub,
) -> None:
    local_hub.down = True
    with pytest.raises(InputError, match=r"; there is no directory 'tiny/encoder' either$"):
        check_teacher_model(on_hub())
