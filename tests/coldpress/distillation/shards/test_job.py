"""Shards: stored whole, merged to the same bytes, and only unfinished ones are computed again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from coldpress.data.splits import Split
from coldpress.data.words import split_words
from coldpress.distillation import soft_targets
from coldpress.distillation.shards import job, local, merge
from coldpress.distillation.shards.job import ShardJob
from coldpress.errors import NonFiniteError
from coldpress.kinds import KINDS
from coldpress.model.checkpoint import Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from tests.support.shard_rows import make_rows

RESUME = """
import sys
from pathlib import Path
from coldpress.distillation.shards import local
from coldpress.distillation.shards.job import ShardJob

folder = Path(sys.argv[1])
local.compute_shards(ShardJob(folder, folder / "teacher", 1, False, shard_rows=50))
"""


def make_job(folder: Path, teacher: Classifier, rows: Split, hidden: bool = False) -> ShardJob:
    write_checkpoint(teacher, folder / "teacher", Manifest(stage="train_teacher"))
    job.write_rows(rows, folder)
    return ShardJob(folder, folder / "teacher", 1, hidden, shard_rows=50)


def merged_files(shards: ShardJob, rows: Split, directory: Path) -> dict[str, bytes]:
    directory.mkdir()
    merge.merge_shards(lambda: job.read_shards([shards]), rows, directory)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("hidden", [False, True])
def test_one_shard_is_stored_like_soft_targets(
    tiny: Classifier, tmp_path: Path, hidden: bool
) -> None:
    rows = make_rows(40)
    shards = make_job(tmp_path, tiny, rows, hidden)
    local.compute_shards(shards)
    (tmp_path / "direct").mkdir()
    computed = soft_targets.compute_soft_targets(tiny, rows, hidden)
    soft_targets.save_soft_targets(computed, tmp_path / "direct")
    direct = {path.name: path.read_bytes() for path in (tmp_path / "direct").iterdir()}
    assert merged_files(shards, rows, tmp_path / "merged") == direct


def test_the_words_of_several_shards_are_found_by_row(
    random_classifier: Callable[..., Classifier], tmp_path: Path
) -> None:
    teacher = random_classifier("bert", KINDS["token-classification"])
    plain = make_rows(120)
    rows = replace(plain, words=tuple(map(split_words, plain.texts)))
    shards = make_job(tmp_path, teacher, rows)
    local.compute_shards(shards)
    merged_files(shards, rows, tmp_path / "merged")
    loaded = soft_targets.load_soft_targets(tmp_path / "merged")
    assert loaded.ids == rows.ids
    some = rows.take([119, 3, 50])
    direct = soft_targets.compute_soft_targets(teacher, rows).for_rows(some)
    assert loaded.for_rows(some).shape == direct.shape == (8 + 4 + 3, direct.shape[1])
    assert torch.allclose(loaded.for_rows(some), direct, atol=1e-2)


def test_the_logits_of_several_teachers_are_averaged(tiny: Classifier, tmp_path: Path) -> None:
    rows = make_rows(60)
    first = make_job(tmp_path, tiny, rows)
    with torch.no_grad():
        tiny.module.get_parameter("classifier.bias").add_(1)
    write_checkpoint(tiny, tmp_path / "other", Manifest(stage="train_teacher"))
    second = replace(first, teacher=tmp_path / "other", number=2)
    for shards in (first, second):
        local.compute_shards(shards)
    for mean, one, two in zip(
        job.read_shards([first, second]),
        job.read_shards([first]),
        job.read_shards([second]),
        strict=True,
    ):
        expected = (one["logits"].float() + two["logits"].float()) / 2
        assert torch.equal(mean["logits"], expected.half())
        assert not torch.equal(one["logits"], two["logits"])


def test_a_damaged_shard_is_computed_again_and_no_other(tiny: Classifier, tmp_path: Path) -> None:
    shards = make_job(tmp_path, tiny, make_rows(200))
    local.compute_shards(shards)
    files = sorted(shards.directory.iterdir())
    assert len(files) == 4
    times = [file.stat().st_mtime_ns for file in files]
    content = files[2].read_bytes()
    files[2].write_bytes(content[:-1])
    assert shards.missing() == [2]
    local.compute_shards(shards)
    assert sorted(shards.directory.iterdir()) == files
    assert files[2].read_bytes() == content
    changed = [file.stat().st_mtime_ns != t for file, t in zip(files, times, strict=True)]
    assert changed == [False, False, True, False]


@pytest.mark.integration
def test_a_killed_run_continues_after_its_last_shard(tiny: Classifier, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    rows = make_rows(5000)
    whole = make_job(tmp_path / "whole", tiny, rows)
    local.compute_shards(whole)
    (tmp_path / "killed").mkdir()
    shards = make_job(tmp_path / "killed", tiny, rows)
    process = subprocess.Popen([sys.executable, "-c", RESUME, str(tmp_path / "killed")])
    while process.poll() is None and len(list(shards.directory.glob("*.safetensors"))) < 3:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    finished = {p: p.stat().st_mtime_ns for p in shards.directory.glob("*.safetensors")}
    assert 3 <= len(finished) < 100
    local.compute_shards(shards)
    assert shards.missing() == []
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert merged_files(shards, rows, tmp_path / "a") == merged_files(whole, rows, tmp_path / "b")


def test_a_teacher_whose_logits_overflow_is_an_error(tiny: Classifier, tmp_path: Path) -> None:
    with torch.no_grad():
        tiny.module.get_parameter("classifier.bias").fill_(1e6)
    with pytest.raises(NonFiniteError, match=r"logits: .* values are not finite"):
        local.compute_shards(make_job(tmp_path, tiny, make_rows(10)))
