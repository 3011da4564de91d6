from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from options import Options

TWO = ("trec=/data/questions/train.jsonl,/data/questions/test.jsonl", "sst2=a/t.csv,a/dev.csv")


def test_a_full_run_uses_all_datasets_and_the_default_the_first() -> None:
    assert list(Options(data=TWO).benchmarks()) == ["trec"]
    assert list(Options(data=TWO, full=True).benchmarks()) == ["trec", "sst2"]


def test_the_command_has_no_directories_of_this_machine() -> None:
    command = Options(data=TWO, teacher="/models/minilm").command("michel")
    assert command == (
        "python benchmarks/papers/michel.py"
        " --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(), "--data: missing; give NAME=TRAIN,TEST"),
        (Options(data=("trec=train.jsonl",)), "--data: 'trec=train.jsonl' is not NAME=TRAIN,TEST"),
    ],
)
def test_missing_or_malformed_data_is_refused(options: Options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        options.benchmarks()


def test_a_large_model_must_be_named() -> None:
    with pytest.raises(InputError, match="--teacher"):
        Options(data=TWO).large_model()


def test_quick_results_are_written_elsewhere() -> None:
    assert Options(data=TWO).output_dir == Path("docs")
    assert Options(quick=True, cache=Path("here")).output_dir == Path("here/quick")
    assert Options(quick=True, docs=Path("there")).output_dir == Path("there")


@pytest.mark.parametrize("options", [Options(quick=True, data=TWO), Options(quick=True, full=True)])
def test_a_quick_run_takes_no_data(options: Options) -> None:
    with pytest.raises(InputError, match="--quick: cannot be combined with --data or --full"):
        options.benchmarks()


def test_three_seeds_are_the_default_and_one_with_quick() -> None:
    assert Options(data=TWO).seed_numbers == (0, 1, 2)
    assert Options(quick=True).seed_numbers == (0,)
    assert Options(quick=True, seeds=2).seed_numbers == (0, 1)
    assert Options(quick=True, seeds=2).command("see").endswith("see.py --quick --seeds 2")
