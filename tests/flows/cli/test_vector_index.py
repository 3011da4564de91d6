"""`coldpress index` leaves a whole index or none, and replaces only an index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoConfig

from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.output_head import new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export
from flows.cli.vector_index import build_index, search
from tests.support import registered_models
from tests.support.wordpiece import with_word_pieces

VECTORS = task_kind("sentence-embedding")
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
}
KILLED = """
import os, signal, sys
from pathlib import Path
from flows.cli.vector_index import build_index

def kill(event, arguments):
    if event == sys.argv[3]:
        kill.left -= 1
        if kill.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

kill.left = int(sys.argv[4])
sys.addaudithook(kill)
build_index("search/1", Path(sys.argv[1]), Path(sys.argv[2]))
"""
"""Kills itself at an event of Python, before what the event announces is done."""
SCRIPT = """
import sys
from pathlib import Path
from flows.cli.vector_index import build_index
build_index("search/1", Path(sys.argv[1]), Path(sys.argv[2]))
"""


def register(model: Classifier, place: Path, name: str) -> str:
    write_checkpoint(model, place / "model", Manifest(stage="quantize"))
    manifest = Manifest(stage="export_onnx", kind=model.kind.name, labels=model.labels)
    with new_checkpoint(place / "onnx", manifest) as target:
        export(Checkpoint.open(place / "model"), target, 17, {})
    registered_models.register(place / "onnx", place, name, "export_onnx")
    return f"{name}/1"


@pytest.fixture
def model(state: Path, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registered model of vectors."""
    vocabulary = {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0}
    config = AutoConfig.for_model("bert", **vocabulary, **SIZES)
    write_head(config, SentenceHead("mean", None, True))
    module = new_module(VECTORS, config).eval()
    vectors = with_word_pieces(Classifier(module, tokenizer, ("vector",), VECTORS))
    return register(vectors, tmp_path_factory.mktemp("vectors"), "search")


def corpus(path: Path, *texts: str) -> Path:
    rows = [{"_id": f"{path.stem}-{number}", "text": text} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "state")


def best(index: Path, query: str) -> str:
    (line,) = search(index, query, 1)
    return str(json.loads(line)["_id"])


def test_an_index_is_replaced_by_a_newer_one(model: str, tmp_path: Path) -> None:
    build_index(model, corpus(tmp_path / "old.jsonl", "cold", "olive"), tmp_path / "index")
    assert best(tmp_path / "index", "olive") == "old-1"
    build_index(model, corpus(tmp_path / "new.jsonl", "olive", "stone"), tmp_path / "index")
    assert best(tmp_path / "index", "olive") == "new-0"
    assert names(tmp_path) == ["index", "new.jsonl", "old.jsonl"]


def test_an_empty_folder_is_filled_and_stays(model: str, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir(mode=0o700)
    before = index.stat()
    build_index(model, corpus(tmp_path / "old.jsonl", "cold", "olive"), index)
    assert best(index, "cold") == "old-0"
    assert (index.stat().st_ino, index.stat().st_mode) == (before.st_ino, before.st_mode)
    assert not [name for name in names(index) if name.startswith(".")]


def test_a_folder_with_other_files_is_refused(model: str, tmp_path: Path) -> None:
    """Even if it has an index, too: the file would be lost with it."""
    old = corpus(tmp_path / "old.jsonl", "cold", "olive")
    build_index(model, old, tmp_path / "index")
    (tmp_path / "index" / "notes.txt").write_text("mine")
    before = contents(tmp_path / "index")
    with pytest.raises(InputError, match="index exists and is not an empty folder"):
        build_index(model, old, tmp_path / "index")
    assert contents(tmp_path / "index") == before


def test_a_model_without_vectors_leaves_nothing(
    model: str,
    tiny: Classifier,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Neither a folder that was not there, nor a change to an index that was."""
    labels = register(tiny, tmp_path_factory.mktemp("labels"), "labels")
    old = corpus(tmp_path / "old.jsonl", "cold", "olive")
    build_index(model, old, tmp_path / "index")
    before = contents(tmp_path / "index")
    for folder in ("absent", "index"):
        with pytest.raises(InputError, match=r"^model: it is for text-classification, and returns"):
            build_index(labels, old, tmp_path / folder)
    assert names(tmp_path) == ["index", "old.jsonl"]
    assert contents(tmp_path / "index") == before


def test_a_killed_command_leaves_the_index_that_was_there(model: str, tmp_path: Path) -> None:
    """It is killed as soon as it has pulled the model, while it encodes 20,000 documents."""
    index = tmp_path / "index"
    build_index(model, corpus(tmp_path / "old.jsonl", "cold", "olive"), index)
    before = contents(index)
    many = corpus(tmp_path / "many.jsonl", *["stone slow fast"] * 20_000)
    arguments = [sys.executable, "-c", SCRIPT, str(many), str(index)]
    with subprocess.Popen(arguments, env=os.environ) as process:
        while not list(tmp_path.glob(".pulled.*/index/model.onnx")):
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    assert contents(index) == before
    assert best(index, "olive") == "old-1"
    build_index(model, corpus(tmp_path / "new.jsonl", "olive", "stone"), index)
    assert best(index, "olive") == "new-0"


@pytest.mark.parametrize(
    ("event", "number"), [("os.rename", 2), ("os.rename", 3), ("shutil.rmtree", 1)]
)
def test_a_command_killed_while_it_replaces_an_index_leaves_a_whole_one(
    model: str, tmp_path: Path, event: str, number: int
) -> None:
    """The first rename is that of the pulled model, in the temporary folder."""
    index = tmp_path / "index"
    build_index(model, corpus(tmp_path / "old.jsonl", "cold", "olive"), index)
    new = corpus(tmp_path / "new.jsonl", "olive", "stone")
    arguments = [sys.executable, "-c", KILLED, str(new), str(index), event, str(number)]
    subprocess.run(arguments, env=os.environ, check=False)
    assert best(index, "olive") in {"old-1", "new-0"}
    build_index(model, new, index)
    assert best(index, "olive") == "new-0"
