from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from options import Options

TWO = ("trec=/data/questions/train.jsonl,/data/questions/test.jsonl", "sst2=a/t.csv,a/dev.csv")


def test_the_first_data_set_is_the_default_and_all_are_the_full_run() -> None:
    assert list(Options(data=TWO).benchmarks()) == ["trec"]
    assert list(Options(data=TWO, full=True).benchmarks()) == ["trec", "sst2"]


def test_the_command_names_no_folder_of_this_machine() -> None:
    command = Options(data=TWO, teacher="/models/minilm").command("michel")
    assert command == (
        "python benchmarks/papers/michel.py"
        " --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(), "--data: say NAME=TRAIN,TEST"),
        (Options(data=("trec=train.jsonl",)), "--data: 'trec=train.jsonl' is not NAME=TRAIN,TEST"),
    ],
)
def test_data_that_is_not_given_is_said_in_a_line(options: Options, said: str) -> None:
    with pytest.raises(InputError, match=said):
        options.benchmarks()


def test_a_large_model_must_be_named() -> None:
    with pytest.raises(InputError, match="--teacher"):
        Options(data=TWO).large_model()


def test_made_up_text_is_kept_apart_from_what_was_measured() -> None:
    assert Options(data=TWO).written_to == Path("docs")
    assert Options(quick=True, cache=Path("here")).written_to == Path("here/quick")
    assert Options(quick=True, docs=Path("there")).written_to == Path("there")


@pytest.mark.parametrize("options", [Options(quick=True, data=TWO), Options(quick=True, full=True)])
def test_a_quick_run_takes_no_data(options: Options) -> None:
    with pytest.raises(InputError, match="--quick: takes neither --data nor --full"):
        options.benchmarks()


def test_three_seeds_are_tried_and_one_if_it_is_to_be_quick() -> None:
    assert Options(data=TWO).tried == (0, 1, 2)
    assert Options(quick=True).tried == (0,)
    assert Options(quick=True, seeds=2).tried == (0, 1)
    assert Options(quick=True, seeds=2).command("see").endswith("see.py --quick --seeds 2")
