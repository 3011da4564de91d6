"""What safetensors files store is known without loading a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from coldpress.errors import InputError
from coldpress.model.weight_headers import check_finite, list_weight_files, read_headers


def index(directory: Path, *shards: str) -> None:
    weight_map = {f"weight-{n}": shard for n, shard in enumerate(shards)}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_those_that_the_index_names(tmp_path: Path) -> None:
    index(tmp_path, "part-b.safetensors", "more/part-a.safetensors", "part-b.safetensors")
    assert list_weight_files(tmp_path, "here") == ["more/part-a.safetensors", "part-b.safetensors"]


def test_a_single_file_comes_before_an_index(tmp_path: Path) -> None:
    index(tmp_path, "part-b.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert list_weight_files(tmp_path, "here") == ["model.safetensors"]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "lost")
    names = list_weight_files(tmp_path, "here")
    with pytest.raises(InputError, match=r"^here: model.safetensors cannot be read: no such file$"):
        read_headers(tmp_path, names, "here")


@pytest.mark.parametrize("shard", ["../other.safetensors", "/tmp/x.safetensors", "model.bin", ""])
def test_a_shard_outside_of_the_directory_is_refused(tmp_path: Path, shard: str) -> None:
    index(tmp_path, shard)
    with pytest.raises(InputError, match=r"^here: model.safetensors.index.json names '.*', which"):
        list_weight_files(tmp_path, "here")


def test_types_and_shapes_are_read_from_the_header(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(4).half()}, tmp_path / "x.safetensors")
    stored = read_headers(tmp_path, ["x.safetensors"], "here")
    described = {name: (tensor.dtype, tensor.shape) for name, tensor in stored.items()}
    assert described == {"a": ("F32", (2, 3)), "b": ("F16", (4,))}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^here: x.safetensors cannot be read: no such file$"):
        read_headers(tmp_path, ["x.safetensors"], "here")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_every_number_must_be_finite_in_every_precision(
    tmp_path: Path, dtype: torch.dtype, value: float
) -> None:
    weights = torch.tensor([0.0, -1.5, 6e4, 1e-7, -0.0], dtype=dtype)
    save_file({"fine": weights}, tmp_path / "x.safetensors")
    check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
    broken = weights.clone()
    broken[1] = value
    save_file({"fine": weights, "broken": broken}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"^here: x.safetensors: 1 of the values of broken are"):
        check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")


def test_a_double_beyond_the_floats_is_refused(tmp_path: Path) -> None:
    largest = torch.finfo(torch.float32).max
    save_file({"a": torch.tensor([largest], dtype=torch.float64)}, tmp_path / "x.safetensors")
    check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
    save_file({"a": torch.tensor([1e39], dtype=torch.float64)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"are not finite"):
        check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")


def test_whole_numbers_and_empty_tensors_pass(tmp_path: Path) -> None:
    stored = {"ids": torch.arange(4), "none": torch.zeros(0, 3), "one": torch.tensor(1.0)}
    save_file(stored, tmp_path / "x.safetensors")
    check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
