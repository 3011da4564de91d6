"""Headers and values of safetensors files are checked without loading a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from coldpress.errors import InputError
from coldpress.model.weight_headers import check_finite, list_weight_files, read_headers
from tests.support.acceptance import does_not_raise


def write_index(directory: Path, *shards: str) -> None:
    weight_map = {f"weight-{n}": shard for n, shard in enumerate(shards)}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_listed_by_the_index(tmp_path: Path) -> None:
    write_index(tmp_path, "part-b.safetensors", "more/part-a.safetensors", "part-b.safetensors")
    assert list_weight_files(tmp_path, "here") == ["more/part-a.safetensors", "part-b.safetensors"]


def test_a_single_file_comes_before_an_index(tmp_path: Path) -> None:
    write_index(tmp_path, "part-b.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert list_weight_files(tmp_path, "here") == ["model.safetensors"]


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "lost")
    names = list_weight_files(tmp_path, "here")
    with pytest.raises(InputError, match=r"^here: model.safetensors cannot be read: no such file$"):
        read_headers(tmp_path, names, "here")


@pytest.mark.parametrize("shard", ["../other.safetensors", "/tmp/x.safetensors", "model.bin", ""])
def test_a_shard_outside_of_the_directory_is_refused(tmp_path: Path, shard: str) -> None:
    write_index(tmp_path, shard)
    with pytest.raises(InputError, match=r"^here: model.safetensors.index.json names '.*', which"):
        list_weight_files(tmp_path, "here")


def test_types_and_shapes_are_read_from_the_header(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(4).half()}, tmp_path / "x.safetensors")
    tensors = read_headers(tmp_path, ["x.safetensors"], "here")
    described = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    assert described == {"a": ("F32", (2, 3)), "b": ("F16", (4,))}


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^here: x.safetensors cannot be read: no such file$"):
        read_headers(tmp_path, ["x.safetensors"], "here")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_must_be_finite_in_every_precision(
    tmp_path: Path, dtype: torch.dtype, value: float
) -> None:
    weights = torch.tensor([0.0, -1.5, 6e4, 1e-7, -0.0], dtype=dtype)
    save_file({"fine": weights}, tmp_path / "x.safetensors")
    check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
    invalid = weights.clone()
    invalid[1] = value
    save_file({"fine": weights, "invalid": invalid}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"^here: x.safetensors: 1 of the values of invalid are"):
        check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")


def test_a_float64_too_large_for_float32_is_refused(tmp_path: Path) -> None:
    largest = torch.finfo(torch.float32).max
    save_file({"a": torch.tensor([largest], dtype=torch.float64)}, tmp_path / "x.safetensors")
    check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
    save_file({"a": torch.tensor([1e39], dtype=torch.float64)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match=r"are not finite"):
        check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")


def test_whole_numbers_and_empty_tensors_pass(tmp_path: Path) -> None:
    tensors = {"ids": torch.arange(4), "none": torch.zeros(0, 3), "one": torch.tensor(1.0)}
    save_file(tensors, tmp_path / "x.safetensors")
    with does_not_raise():
        check_finite(read_headers(tmp_path, ["x.safetensors"], "here"), "here")
