"""Read the headers of safetensors files and check their values for NaN and infinity."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from safetensors import SafetensorError, safe_open

from coldpress.errors import InputError
from coldpress.schema.text_files import read_json_object, reject_lfs_pointers

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")

# For each dtype: an unsigned integer type of its size, the bit mask of its exponent, and the
# smallest masked exponent of a value that is not a finite float32.
_FLOAT_FORMATS = {
    "F16": ("<u2", 0x7C00, 0x7C00),
    "BF16": ("<u2", 0x7F80, 0x7F80),
    "F32": ("<u4", 0x7F800000, 0x7F800000),
    "F64": ("<u8", 0x7FF << 52, (1023 + 128) << 52),
}
FLOAT_DTYPES = tuple(_FLOAT_FORMATS)
_CHUNK_SIZE = 2**22  # values


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a safetensors file.

    Attributes:
        file: The file.
        dtype: As safetensors names it, such as F32.
        shape: The tensor's shape.
        start: Offset of its first byte in the file.
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int


def list_weight_files(directory: Path, place: str) -> list[str]:
    """List the weight files of a model.

    Args:
        directory: The model's directory, with model.safetensors or an index of shards.
        place: The model's name in error messages.

    Returns:
        Paths relative to the directory.

    Raises:
        InputError: The index is invalid, or names a file outside the directory.
    """
    single, index = (directory / name for name in WEIGHT_FILES)
    # A broken link is an error to report later, not a reason to look for an index.
    if single.exists() or single.is_symlink():
        return [single.name]
    shards = read_json_object(index, place).get("weight_map")
    valid = isinstance(shards, dict) and all(isinstance(s, str) for s in shards.values())
    if not shards or not valid:
        raise InputError(f"{place}: {index.name} has no weight_map from weights to files")
    for shard in shards.values():
        path = PurePosixPath(shard)
        if path.is_absolute() or ".." in path.parts or path.suffix != ".safetensors":
            raise InputError(
                f"{place}: {index.name} names {shard!r}, which is not a .safetensors file in the"
                " model's directory"
            )
    return sorted(set(shards.values()))


def read_headers(directory: Path, names: Sequence[str], place: str) -> dict[str, StoredTensor]:
    """Read the headers of a model's weight files.

    Args:
        directory: The model's directory.
        names: Paths of the weight files relative to the directory.
        place: The model's name in error messages.

    Returns:
        The stored tensors by name.

    Raises:
        InputError: A file is missing, truncated, a Git LFS pointer, or not a safetensors file.
    """
    tensors: dict[str, StoredTensor] = {}
    for name in names:
        file = directory / name
        if not file.is_file():
            raise InputError(f"{place}: {name} cannot be read: no such file")
        reject_lfs_pointers([file], place)
        try:
            with safe_open(file, framework="np"):
                pass
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"{place}: {name} cannot be read: {error}") from error
        tensors.update(_parse_header(file))
    return tensors


def check_finite(tensors: dict[str, StoredTensor], place: str) -> None:
    """Check that every stored floating-point value is finite as a float32.

    Args:
        tensors: The result of `read_headers`.
        place: The model's name in error messages.

    Raises:
        InputError: A value is NaN, infinite, or too large for a float32.
    """
    for name, tensor in tensors.items():
        count = sum(_count_nonfinite(bits, tensor.dtype) for bits in _bit_chunks(tensor))
        if count:
            raise InputError(
                f"{place}: {tensor.file.name}: {count} of the values of {name} are not finite"
                " numbers (NaN or infinite); train or convert the model again"
            )


def _parse_header(file: Path) -> Iterator[tuple[str, StoredTensor]]:
    # Format: 8 bytes with the header's length, the header as JSON, the data.
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    for name, entry in header.items():
        if name != "__metadata__":
            start = 8 + length + entry["data_offsets"][0]
            yield name, StoredTensor(file, entry["dtype"], tuple(entry["shape"]), start)


def _bit_chunks(tensor: StoredTensor) -> Iterator[np.ndarray]:
    """Yield the bits of a floating-point tensor in chunks; nothing for other dtypes."""
    if tensor.dtype not in _FLOAT_FORMATS:
        return
    dtype = np.dtype(_FLOAT_FORMATS[tensor.dtype][0])
    remaining = int(np.prod(tensor.shape, dtype=np.int64))
    with tensor.file.open("rb") as file:
        file.seek(tensor.start)
        while remaining:
            chunk = np.frombuffer(file.read(min(remaining, _CHUNK_SIZE) * dtype.itemsize), dtype)
            remaining -= len(chunk)
            yield chunk


def _count_nonfinite(bits: np.ndarray, dtype: str) -> int:
    _, mask, smallest = _FLOAT_FORMATS[dtype]
    return int(np.count_nonzero((bits & bits.dtype.type(mask)) >= smallest))
