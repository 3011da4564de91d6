"""Read the headers of safetensors files, and check that what they store are numbers."""

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

# By type: an unsigned integer of its size, the bits of its exponent, and the smallest exponent of
# a value that is no finite float32.
_FLOAT_FORMATS = {
    "F16": ("<u2", 0x7C00, 0x7C00),
    "BF16": ("<u2", 0x7F80, 0x7F80),
    "F32": ("<u4", 0x7F800000, 0x7F800000),
    "F64": ("<u8", 0x7FF << 52, (1023 + 128) << 52),
}
FLOAT_DTYPES = tuple(_FLOAT_FORMATS)
_CHUNK_SIZE = 2**22


@dataclass(frozen=True)
class StoredTensor:
    """One tensor in a file.

    Attributes:
        file: Where it is.
        dtype: As safetensors names it, such as F32.
        shape: Its sizes.
        start: Its first byte in the file.
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int


def list_weight_files(directory: Path, place: str) -> list[str]:
    """List the files that a model's weights are in.

    Args:
        directory: Holds model.safetensors, or an index that names its shards.
        place: How an error names the model.

    Returns:
        Paths inside the directory.

    Raises:
        InputError: The index is none, or names a file outside of the directory.
    """
    single, index = (directory / name for name in WEIGHT_FILES)
    # A link that leads nowhere is a file that has been lost, and not one that was never there.
    if single.exists() or single.is_symlink():
        return [single.name]
    shards = read_json_object(index, place).get("weight_map")
    named = isinstance(shards, dict) and all(isinstance(s, str) for s in shards.values())
    if not shards or not named:
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
    """Read the headers of a model's weights.

    Args:
        directory: The model's directory.
        names: Paths of its weight files inside of it.
        place: How an error names the model.

    Returns:
        What is stored, by the tensors' names.

    Raises:
        InputError: A file is missing, cut short, a pointer of git-lfs, or no safetensors file.
    """
    found: dict[str, StoredTensor] = {}
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
        found.update(_parse_header(file))
    return found


def check_finite(stored: dict[str, StoredTensor], place: str) -> None:
    """Check that every stored floating-point number is finite, and stays so as a float32.

    Args:
        stored: What `tensors` returned.
        place: How an error names the model.

    Raises:
        InputError: One is not.
    """
    for name, tensor in stored.items():
        count = sum(_count_nonfinite(part, tensor.dtype) for part in _bit_chunks(tensor))
        if count:
            raise InputError(
                f"{place}: {tensor.file.name}: {count} of the values of {name} are not finite"
                " numbers (NaN or infinite); train or convert the model again"
            )


def _parse_header(file: Path) -> Iterator[tuple[str, StoredTensor]]:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        described = json.loads(opened.read(length))
    for name, one in described.items():
        if name != "__metadata__":
            start = 8 + length + one["data_offsets"][0]
            yield name, StoredTensor(file, one["dtype"], tuple(one["shape"]), start)


def _bit_chunks(tensor: StoredTensor) -> Iterator[np.ndarray]:
    """The bits of a tensor's numbers, some million at a time; none of what are no floats."""
    if tensor.dtype not in _FLOAT_FORMATS:
        return
    bits, left = (
        np.dtype(_FLOAT_FORMATS[tensor.dtype][0]),
        int(np.prod(tensor.shape, dtype=np.int64)),
    )
    with tensor.file.open("rb") as file:
        file.seek(tensor.start)
        while left:
            part = np.frombuffer(file.read(min(left, _CHUNK_SIZE) * bits.itemsize), bits)
            left -= len(part)
            yield part


def _count_nonfinite(bits: np.ndarray, dtype: str) -> int:
    _, exponent, smallest = _FLOAT_FORMATS[dtype]
    return int(np.count_nonzero((bits & bits.dtype.type(exponent)) >= smallest))
