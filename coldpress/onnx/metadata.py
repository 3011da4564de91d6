"""Change the metadata of an exported file; the graph stays as it is."""

from __future__ import annotations

from pathlib import Path

import onnx


def write_metadata(path: Path, name: str, value: str) -> None:
    """Set an entry of a file's metadata.

    Args:
        path: The ONNX file.
        name: Name of the entry; it is added if it does not exist.
        value: Its new value.
    """
    model = onnx.load(path)
    set_property(model, name, value)
    path.write_bytes(model.SerializeToString(deterministic=True))


def set_property(model: onnx.ModelProto, name: str, value: str) -> None:
    """Set an entry of a model's metadata.

    Args:
        model: Changed in place.
        name: Name of the entry; it is added if it does not exist.
        value: Its new value.
    """
    entries = [entry for entry in model.metadata_props if entry.key == name]
    entry = entries[0] if entries else model.metadata_props.add(key=name)
    entry.value = value
