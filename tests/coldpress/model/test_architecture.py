"""Every family in the table can be pruned, saved, and loaded by a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import LayerShape, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import save_classifier

Make = Callable[[str], Classifier]
Cut = Callable[[Classifier], Classifier]
RELOAD = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.data.encoding import encode
from coldpress.model.serialization import load_classifier

folder, *texts = sys.argv[1:]
split = Split(tuple(map(str, range(len(texts)))), tuple(texts), None, ())
logits = {}
for path in sorted(Path(folder).iterdir()):
    classifier = load_classifier(Checkpoint.open(path))
    logits[path.name] = classifier.logits(encode(classifier.tokenizer, split))
save_file(logits, Path(folder) / "logits.safetensors")
"""


@pytest.fixture(params=sorted(ARCHITECTURES))
def family(request: pytest.FixtureRequest, random_classifier: Make) -> Classifier:
    return random_classifier(request.param)


def test_the_table_names_the_modules_of_every_family(family: Classifier) -> None:
    assert family.shapes == (LayerShape(heads=4, neurons=32),) * 3
    config = family.config
    table = family.architecture
    sizes = (table.config_keys.layers, table.config_keys.heads, table.config_keys.neurons)
    assert [getattr(config, name) for name in sizes] == [3, 4, 32]
    assert isinstance(family.encoder.get_submodule(table.embeddings.words), nn.Embedding)
    for role, shape in {"attention_output": (16, 16), "up": (32, 16), "down": (16, 32)}.items():
        assert family.linear(family.layers[0], role).weight.shape == shape


def test_every_role_affects_the_logits(family: Classifier, split: Split) -> None:
    rows = encode(family.tokenizer, split)
    before = family.logits(rows)
    for role in ("query", "key", "value", "attention_output", "up", "down"):
        hurt = family.copy()
        hurt.linear(hurt.layers[-1], role).weight.data[0] += 10.0
        assert not torch.allclose(hurt.logits(rows), before), role


def test_a_pruned_family_has_the_new_shapes(family: Classifier, cut: Cut, split: Split) -> None:
    pruned = cut(family)
    assert pruned.shapes == (LayerShape(heads=2, neurons=7), LayerShape(heads=1, neurons=29))
    assert getattr(pruned.config, pruned.architecture.config_keys.layers) == 2
    assert pruned.logits(encode(pruned.tokenizer, split)).isfinite().all()


@pytest.mark.integration
def test_a_pruned_family_has_equal_logits_in_a_new_process(
    random_classifier: Make, cut: Cut, split: Split, tmp_path: Path
) -> None:
    expected: dict[str, Tensor] = {}
    for name in ARCHITECTURES:
        pruned = cut(random_classifier(name))
        expected[name] = pruned.logits(encode(pruned.tokenizer, split))
        manifest = Manifest(stage="prune", labels=pruned.labels, shapes=pruned.shapes)
        with new_checkpoint(tmp_path / name, manifest) as directory:
            save_classifier(pruned, directory)
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RELOAD, str(tmp_path), *split.texts]
    subprocess.run(command, check=True, env=one_thread)
    logits = load_file(tmp_path / "logits.safetensors")
    assert logits.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(logits[name], tensor), name
