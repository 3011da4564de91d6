"""Merge shards into the files of a checkpoint, without reading all of them into memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from coldpress.data.splits import Split
from coldpress.distillation import row_index
from coldpress.distillation.soft_targets import IDS_FILE, TENSORS_FILE

Shards = Callable[[], Iterator[dict[str, Tensor]]]
"""Yields the tensors of each shard; may be called several times."""

_TYPES = {"torch.float16": "F16", "torch.int64": "I64"}
_ALIGNMENT = 8


def merge_shards(shards: Shards, rows: Split, directory: Path) -> None:
    """Write soft targets as `save_soft_targets` does: the same bytes.

    Args:
        shards: At least one.
        rows: The rows of all shards.
        directory: As `checkpoint.new_checkpoint` yielded it.
    """
    _write_tensors(shards, directory / TENSORS_FILE)
    row_index.save_ids(rows.ids, directory / IDS_FILE)


def _write_tensors(shards: Shards, path: Path) -> None:
    """Write a safetensors file: length of the header, header as JSON, values.

    https://huggingface.co/docs/safetensors#format
    """
    header = _header(shards())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in header:
            for tensors in shards():
                file.write(tensors[name].contiguous().numpy().tobytes())


def _header(shards: Iterator[dict[str, Tensor]]) -> dict[str, Any]:
    """Return type, shape and place of each tensor, in the order of safetensors."""
    first = next(shards)
    rows = {name: len(tensor) for name, tensor in first.items()}
    for tensors in shards:
        rows = {name: rows[name] + len(tensor) for name, tensor in tensors.items()}
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in sorted(first.items(), key=lambda item: (-item[1].itemsize, item[0])):
        shape = [rows[name], *tensor.shape[1:]]
        start, end = end, end + rows[name] * tensor[:1].nbytes
        header[name] = {
            "dtype": _TYPES[str(tensor.dtype)],
            "shape": shape,
            "data_offsets": [start, end],
        }
    return header
