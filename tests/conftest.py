"""Fixtures: tiny models and splits, cheap enough for every test."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Some tests import ONNX Runtime before Coldpress, which turns off its telemetry.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from coldpress.data.splits import Split
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier

# For models this small a second thread costs more time than it saves.
torch.set_num_threads(1)

TESTS = Path(__file__).parent
INTEGRATION = (
    "benchmarks/papers",
    "coldpress/report/test_browser.py",
    "coldpress/test_same_as_transformers.py",
    "deployments",
    "flows",
    "tasks/environment/test_streams.py",
    "tasks/migration",
    "tasks/ranks",
    "tasks/test_stage_modules.py",
    "tasks/tracking/test_embedded_db.py",
    "tasks/tracking/test_deduplicate.py",
)
"""Tests whose subject is a process, a server, a browser or a long training run."""
WORDS = ("cold", "press", "olive", "oil", "slow", "warm", "fast", "stone")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark integration tests, and start groups, which stay on one worker, before the others."""
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        if path.startswith(INTEGRATION) and not item.get_closest_marker("end_to_end"):
            item.add_marker(pytest.mark.integration)
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """Restore the environment after each test: `home.configure_environment` writes to it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def tokenizer() -> Tokenizer:
    """A tokenizer with one id per word: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then WORDS from 4."""
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS)
    tokenizer = Tokenizer(WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_truncation(16)
    return tokenizer


@pytest.fixture
def tiny(tokenizer: Tokenizer) -> Classifier:
    """A BERT of 2 layers, 4 heads of size 4, 32 neurons and 3 labels, with fixed weights."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=16,
        initializer_range=0.5,
    )
    config.num_labels = 3
    config._attn_implementation = "eager"
    module: nn.Module = BertForSequenceClassification(config)
    module.eval()
    return Classifier(module, tokenizer, ("calm", "fast", "warm"), TEXT_CLASSIFICATION)


@pytest.fixture
def split() -> Split:
    """Twelve rows of different lengths, four of each label."""
    texts = tuple(" ".join(WORDS[i % 8] for i in range(n, n + 1 + n % 5)) for n in range(12))
    return Split(tuple(f"row-{n}" for n in range(12)), texts, None, tuple(n % 3 for n in range(12)))


@pytest.fixture
def tiny_checkpoint(tiny: Classifier, tmp_path: Path) -> Checkpoint:
    """The tiny model on disk."""
    manifest = Manifest(stage="train_teacher", labels=tiny.labels, shapes=tiny.shapes)
    with new_checkpoint(tmp_path / "tiny", manifest) as directory:
        save_classifier(tiny, directory)
    return Checkpoint.open(tmp_path / "tiny")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's empty tables; creating it takes a second."""
    utils: Any = importlib.import_module("mlflow.store.db.utils")  # it has no types
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    engine = utils.create_sqlalchemy_engine_with_retry(f"sqlite:///{path}")
    utils._initialize_tables(engine)
    engine.dispose()
    return path


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Path:
    """Use an empty home with embedded servers: every test has its own SQLite file."""
    home = tmp_path / "state"
    monkeypatch.setenv("COLDPRESS_HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    monkeypatch.setenv("PREFECT_HOME", str(home / "prefect"))
    home.mkdir()
    shutil.copyfile(empty_store, home / "mlflow.db")
    return home
