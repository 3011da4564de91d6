"""Where the teacher comes from: the hub, a directory, or sizes to train from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coldpress.section import FlatChoice, Optimization, Section


class HubModel(Section):
    """A pretrained encoder on the Hugging Face hub."""

    origin: Literal["hub"]
    id: Annotated[str, Field(min_length=1, description="As in `microsoft/deberta-v3-base`.")]
    revision: Annotated[str, Field(description="Commit, tag or branch.")] = "main"


class DirectoryModel(Section):
    """A pretrained encoder in a local directory, as safetensors."""

    origin: Literal["directory"]
    path: Annotated[Path, Field(description="Directory with config.json and model.safetensors.")]


class ScratchModel(Section):
    """An encoder with these sizes, random weights and a tokenizer trained on the training split."""

    origin: Literal["scratch"]
    layers: Annotated[int, Field(ge=1, le=48)] = 4
    hidden_size: Annotated[int, Field(ge=8, le=4096)] = 128
    heads: Annotated[int, Field(ge=1, le=64, description="Must divide the hidden size.")] = 4
    neurons: Annotated[int, Field(ge=8, le=16384, description="Feed-forward width.")] = 512
    vocabulary_size: Annotated[int, Field(ge=100, le=200_000)] = 4000


def _from_string(value: Any) -> Any:  # noqa: ANN401
    """A plain string is a path if it looks like one, and a hub id otherwise."""
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    if text.startswith(("./", "../", "/", "~")) or text.count("/") > 1:
        return {"origin": "directory", "path": str(Path(text).expanduser())}
    return {"origin": "hub", "id": text}


TeacherModel = Annotated[HubModel | DirectoryModel | ScratchModel, Field(discriminator="origin")]


class Teacher(Optimization):
    """The large model. Zero epochs: it is fine-tuned already and used as it is."""

    model: Annotated[TeacherModel, BeforeValidator(_from_string), FlatChoice()]
    epochs: Annotated[int, Field(ge=0, le=1000)] = 3
    learning_rate: Annotated[float, Field(ge=1e-7, le=1.0)] = 2e-4
