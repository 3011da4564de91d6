"""Entities that an exported model finds: offsets, windows of long texts, the words of training."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.kinds import KINDS
from coldpress.kinds.tags import find_entities
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.onnx import predictor
from coldpress.onnx.export import export
from coldpress.onnx.operating_points import store_operating_points
from coldpress.onnx.predictor import Predictor
from coldpress.schema.section import Optimization
from coldpress.training.data import labelled_data
from coldpress.training.loop import fit, reseed
from tests.support.wordpiece import with_word_pieces

KIND = KINDS["token-classification"]
NAMES = ("O", "B-x", "I-x")
WORDS = ("warm", "cold", "olive", "stone", "slow", "fast", "oil")
LIMIT = 12


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("entities")


def tagged_rows() -> Split:
    """Return texts in which `warm` begins an entity and `olive` continues it."""
    tags = {"warm": 1, "olive": 2}
    orders = [random.Random(seed).choices(WORDS, k=6) for seed in range(60)]
    texts = tuple(" ".join(order) for order in orders)
    targets = tuple(tuple(tags.get(word, 0) for word in order) for order in orders)
    return Split(texts, texts, None, targets, words=tuple(map(split_words, texts)))


@pytest.fixture
def files(random_classifier: Callable[..., Classifier], directory: Path) -> Path:
    """The folder of a trained model, and of its export; it reads 12 tokens at once."""
    if (directory / "onnx").exists():
        return directory
    classifier = random_classifier("bert", KIND)
    model = with_word_pieces(Classifier(classifier.module, classifier.tokenizer, NAMES, KIND))
    model.tokenizer.enable_truncation(LIMIT)
    reseed(0, "train_teacher")
    for module in model.module.modules():
        if isinstance(module, nn.LayerNorm | nn.Linear):
            module.reset_parameters()
    data = labelled_data(model, tagged_rows(), tagged_rows())
    plan = Optimization(epochs=10, learning_rate=2e-2, batch_size=12, freeze_embeddings=False)
    fit(model, data.train, data.loss, plan, data.validation)
    write_checkpoint(model, directory / "model", Manifest(stage="train_teacher"))
    manifest = Manifest(stage="export_onnx", kind=KIND.name, labels=NAMES)
    with new_checkpoint(directory / "onnx", manifest) as target:
        export(Checkpoint.open(directory / "model"), target, 17, {})
    return directory


@pytest.fixture
def model(files: Path) -> Classifier:
    return load_classifier(Checkpoint.open(files / "model"))


@pytest.fixture
def exported(files: Path) -> Predictor:
    return Predictor(files / "onnx")


def entities_of(model: Classifier, text: str) -> list[tuple[int, int]]:
    """Return start and end of the entities by torch's tags."""
    words = split_words(text)
    split = Split(("0",), (text,), None, (), words=(words,))
    tags = model.logits(encode(model.tokenizer, split)).argmax(-1).numpy()
    found = find_entities(tags, np.zeros_like(tags))
    return [
        (words[first][0], words[end - 1][1])
        for first, end in zip(found.first, found.end, strict=True)
    ]


def test_the_entities_are_those_of_torch(model: Classifier, exported: Predictor) -> None:
    texts = ["cold warm olive oil", "warm, slow warm!", "stone warm"]
    for text, record in zip(texts, exported.predict(texts), strict=True):
        found = [(entity["start"], entity["end"]) for entity in record["entities"]]
        assert found == entities_of(model, text)
        assert found


# The files are written once, and read by every example.
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=40))
def test_offsets_match_the_text(files: Path, words: list[str]) -> None:
    text = " ".join(words).encode(errors="replace").decode()
    (record,) = Predictor(files / "onnx").predict([text])
    assert record["text"] == text
    end = 0
    for entity in record["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
        assert end <= entity["start"] < entity["end"]
        assert entity["label"] == "x"
        assert 1 / 3 <= entity["score"] <= 1
        end = entity["end"]


def test_a_short_text_has_the_same_entities_beside_a_long_one(exported: Predictor) -> None:
    short, long = "cold warm olive", "stone slow fast oil " * 20
    together = exported.predict([long, short, long])
    assert together[1] == exported.predict([short])[0]
    assert together[0] == together[2] == exported.predict([long])[0]


def test_words_are_flagged_at_the_threshold_of_an_operating_point(
    files: Path, model: Classifier, tmp_path: Path
) -> None:
    """`warm` and `olive` are of type x; the second text is read in windows."""
    shutil.copytree(files / "onnx", tmp_path / "onnx")
    section = OperatingPointSection(label="x", max_false_positive_rate=0.0)
    texts = ["cold warm olive oil", "warm olive olive stone slow fast oil " * 5, "stone"]
    before = Predictor(tmp_path / "onnx").predict(texts)
    store_operating_points(tmp_path / "onnx", encode(model.tokenizer, tagged_rows()), [section])
    exported = Predictor(tmp_path / "onnx")
    (point,) = exported.operating_points
    flags = exported.flag_words(texts)
    assert [[word["text"] for word in text] for text in flags] == [
        ["warm", "olive"],
        ["warm", "olive", "olive"] * 5,
        [],
    ]
    assert (flags[0][0]["start"], flags[0][0]["end"], flags[0][0]["label"]) == (5, 9, "x")
    assert all(word["score"] >= point["threshold"] for text in flags for word in text)
    assert exported.predict(texts) == before
    # With a threshold of 0 every word is flagged, with the sum of the probabilities of its tags.
    point["threshold"] = 0.0
    (words,) = exported.flag_words(["cold"])
    logits = model.logits(encode(model.tokenizer, one_word("cold"))).softmax(-1)[0]
    assert words[0]["score"] == pytest.approx(float(logits[1] + logits[2]), abs=1e-4)


def one_word(text: str) -> Split:
    return Split(("0",), (text,), None, (), words=(split_words(text),))


def test_every_word_of_a_long_text_is_read(exported: Predictor) -> None:
    text = "warm olive olive stone slow fast oil " * 15
    entities = exported.predict([text])[0]["entities"]
    assert [entity["text"] for entity in entities] == ["warm olive olive"] * 15


def joined(*windows: dict[int, str]) -> list[str]:
    scores = dict(zip(NAMES, np.eye(3), strict=True))
    tagged = [{word: scores[tag] for word, tag in window.items()} for window in windows]
    found = predictor._join_windows(tagged, NAMES)
    return [NAMES[int(found[word].argmax())] for word in sorted(found)]


def test_windows_meet_where_no_entity_continues() -> None:
    # The middle of the shared words 2 to 5 is within an entity that the first window cuts.
    first = {0: "O", 1: "O", 2: "O", 3: "B-x", 4: "I-x", 5: "O"}
    second = {2: "B-x", 3: "B-x", 4: "I-x", 5: "I-x", 6: "I-x", 7: "O"}
    assert joined(first, second) == ["O", "O", "O", "B-x", "I-x", "I-x", "I-x", "O"]


def test_an_entity_longer_than_the_overlap_stays_whole() -> None:
    first = {0: "B-x", 1: "I-x", 2: "I-x"}
    second = {1: "I-x", 2: "I-x", 3: "I-x", 4: "O"}
    assert joined(first, second) == ["B-x", "I-x", "I-x", "I-x", "O"]


def test_windows_without_a_common_word_follow_each_other() -> None:
    assert joined({0: "O", 1: "B-x"}, {}, {2: "I-x"}) == ["O", "B-x", "I-x"]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_words_are_split_as_in_training(text: str) -> None:
    words = re.finditer(predictor.WORD_RULES["characters"], text)
    assert tuple(match.span() for match in words) == split_words(text)


def tokens(text: str) -> list[str]:
    return re.findall(predictor.WORD_RULES["tokens"], text)


def test_a_model_of_tokens_keeps_what_stands_between_spaces_but_for_marks_around_it() -> None:
    assert tokens('I\'m (in) "Paris", see http://x.co/a_b. @mei #cold wow...') == [
        *("I'm", "(", "in", ")", '"', "Paris", '"', ",", "see", "http://x.co/a_b", "."),
        *("@mei", "#cold", "wow", ".", ".", "."),
    ]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_words_of_a_model_of_tokens_contain_everything_but_space(text: str) -> None:
    assert "".join(tokens(text)) == "".join(text.split())


def test_a_long_run_of_marks_takes_no_long_time() -> None:
    start = time.perf_counter()
    tokens("!" * 100_000 + " ")
    assert time.perf_counter() - start < 5


def test_the_copied_file_finds_entities_alone(
    exported: Predictor, directory: Path, tmp_path: Path
) -> None:
    text = "cold warm olive stone"
    (tmp_path / "predictor.py").write_bytes(Path(predictor.__file__).read_bytes())
    command = "import sys, json; from predictor import Predictor\n"
    command += "print(json.dumps(Predictor(sys.argv[1]).predict(sys.argv[2:])))"
    result = subprocess.run(
        [sys.executable, "-c", command, str(directory / "onnx"), text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == exported.predict([text])
