from pathlib import Path

import pytest

from coldpress.errors import CorruptCheckpointError, InputError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from tasks.tracking import artifacts, registry, runs


def new_model(directory: Path, content: str) -> Checkpoint:
    with new_checkpoint(directory, Manifest(stage="prune")) as aside:
        (aside / "model.safetensors").write_text(content)
    return Checkpoint.open(directory)


def log_model(path: Path, content: str = "weights") -> tuple[str, Checkpoint]:
    checkpoint = new_model(path / "checkpoint", content)
    run_id = runs.open_run(runs.ensure_experiment("trec"), "prune", {})
    packed = artifacts.package_torch(checkpoint.path, path / "packed")
    return artifacts.log_model(run_id, "trec-pruned", packed, "prune"), checkpoint


def register(uri: str, digest: str) -> str:
    return registry.register("trec-pruned", uri, "", {"digest": digest, "stage": "prune"})


def test_equal_digests_share_a_version_and_others_do_not(state: Path, tmp_path: Path) -> None:
    uri, checkpoint = log_model(tmp_path / "one")
    assert register(uri, checkpoint.digest) == "trec-pruned/1"
    assert register(uri, checkpoint.digest) == "trec-pruned/1"
    changed_uri, changed = log_model(tmp_path / "two", "other weights")
    assert register(changed_uri, changed.digest) == "trec-pruned/2"


def test_a_version_is_complete_when_it_appears(state: Path, tmp_path: Path) -> None:
    uri, checkpoint = log_model(tmp_path / "one")
    register(uri, checkpoint.digest)
    version = registry.resolve("trec-pruned/1")
    assert version.tags == {"digest": checkpoint.digest, "stage": "prune"}
    assert version.source == uri


def test_a_stored_checkpoint_is_loaded_unchanged(state: Path, tmp_path: Path) -> None:
    uri, checkpoint = log_model(tmp_path / "one")
    with artifacts.open_checkpoint(uri) as loaded:
        assert loaded.digest == checkpoint.digest
    assert artifacts.is_intact(uri, checkpoint.digest)


@pytest.mark.parametrize("harm", ["alter", "remove", "add"])
def test_damage_is_detected_and_repaired(state: Path, tmp_path: Path, harm: str) -> None:
    uri, checkpoint = log_model(tmp_path / "one")
    (weights,) = (state / "artifacts").rglob("model.safetensors")
    weights.unlink()
    if harm == "alter":
        weights.write_text("Weights")
    if harm == "add":
        weights.write_text("weights")
        (weights.parent / "more.txt").write_text("")
    assert not artifacts.is_intact(uri, checkpoint.digest)
    with pytest.raises(CorruptCheckpointError), artifacts.open_checkpoint(uri):
        pass
    if harm != "add":
        artifacts.restore_files(uri, tmp_path / "one" / "packed", checkpoint.digest)
        assert artifacts.is_intact(uri, checkpoint.digest)


@pytest.mark.parametrize("reference", ["nobody", "nobody/1", "trec-pruned@champion", "a/b/c", ""])
def test_a_missing_version_is_reported(state: Path, reference: str) -> None:
    with pytest.raises(InputError, match="model: no "):
        registry.resolve(reference)


def test_a_name_alone_means_its_latest_version(state: Path, tmp_path: Path) -> None:
    for number in range(11):
        uri, checkpoint = log_model(tmp_path / str(number), str(number))
        register(uri, checkpoint.digest)
    assert registry.resolve("trec-pruned").version in {"11", 11}
