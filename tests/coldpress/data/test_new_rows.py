from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from local_hub import COMMIT, LocalHub

from coldpress.data.new_rows import FreshFile, FreshHub, pinned, read
from coldpress.errors import InputError

HUB = FreshHub(origin="hub", dataset="tiny/rows", revision="main", split="train")


def parquet(**columns: list[object]) -> bytes:
    """A file of these columns."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tonight.csv"
    path.write_text("text,label\ncold,a\nwarm,b\n")
    found = read(FreshFile(origin="files", path=path), ["text"], "fresh")
    assert found.columns == {"text": ["cold", "warm"]}


def test_a_missing_column_is_named_with_field_and_file(tmp_path: Path) -> None:
    path = tmp_path / "tonight.csv"
    path.write_text("text,label\ncold,a\n")
    with pytest.raises(InputError, match=r"^fresh\.path: .*tonight\.csv line 1: no column 'queue'"):
        read(FreshFile(origin="files", path=path), ["queue"], "fresh")


def test_a_split_of_a_revision_on_the_hub_is_read(local_hub: LocalHub) -> None:
    files = {"data/train-0.parquet": parquet(text=["cold"], label=["a"])}
    local_hub.add("datasets", "tiny/rows", files)
    assert read(HUB, ["text", "label"], "fresh").columns == {"text": ["cold"], "label": ["a"]}
    other = HUB.model_copy(update={"split": "tonight"})
    with pytest.raises(InputError, match=r"^fresh\.dataset: tiny/rows has no split 'tonight'"):
        read(other, ["text"], "fresh")


def test_a_branch_is_pinned_to_the_commit_that_it_names_now(local_hub: LocalHub) -> None:
    local_hub.add("datasets", "tiny/rows", {"data/train-0.parquet": b""})
    assert pinned(HUB, "fresh") == HUB.model_copy(update={"revision": COMMIT})
    with pytest.raises(InputError, match=r"^fresh\.revision: tiny/rows@v9: the hub has no such"):
        pinned(HUB.model_copy(update={"revision": "v9"}), "fresh")


def test_a_file_is_named_by_an_absolute_path(tmp_path: Path) -> None:
    named = FreshFile(origin="files", path=tmp_path / "tonight.csv")
    assert pinned(named, "fresh") == named
    relative = FreshFile(origin="files", path=Path("data/tonight.csv"))
    with pytest.raises(InputError, match=r"^fresh\.path: data/tonight\.csv is not absolute"):
        pinned(relative, "fresh")
