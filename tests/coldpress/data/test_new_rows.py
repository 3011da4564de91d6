from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coldpress.data.new_rows import NewRowsFile, NewRowsHub, pin_revision, read_source
from coldpress.errors import InputError
from tests.support.local_hub import COMMIT, LocalHub

HUB = NewRowsHub(origin="hub", dataset="tiny/rows", revision="main", split="train")


def parquet(**columns: list[object]) -> bytes:
    """Return a Parquet file with these columns."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tonight.csv"
    path.write_text("text,label\ncold,a\nwarm,b\n")
    read = read_source(NewRowsFile(origin="files", path=path), ["text"], "fresh")
    assert read.columns == {"text": ["cold", "warm"]}


def test_a_missing_column_is_named_with_field_and_file(tmp_path: Path) -> None:
    path = tmp_path / "tonight.csv"
    path.write_text("text,label\ncold,a\n")
    with pytest.raises(InputError, match=r"^fresh\.path: .*tonight\.csv line 1: no column 'queue'"):
        read_source(NewRowsFile(origin="files", path=path), ["queue"], "fresh")


def test_a_split_of_a_revision_on_the_hub_is_read(local_hub: LocalHub) -> None:
    files = {"data/train-0.parquet": parquet(text=["cold"], label=["a"])}
    local_hub.add("datasets", "tiny/rows", files)
    assert read_source(HUB, ["text", "label"], "fresh").columns == {
        "text": ["cold"],
        "label": ["a"],
    }
    other_split = HUB.model_copy(update={"split": "tonight"})
    with pytest.raises(InputError, match=r"^fresh\.dataset: tiny/rows has no split 'tonight'"):
        read_source(other_split, ["text"], "fresh")


def test_a_branch_is_pinned_to_its_current_commit(local_hub: LocalHub) -> None:
    local_hub.add("datasets", "tiny/rows", {"data/train-0.parquet": b""})
    assert pin_revision(HUB, "fresh") == HUB.model_copy(update={"revision": COMMIT})
    with pytest.raises(InputError, match=r"^fresh\.revision: tiny/rows@v9: the hub has no such"):
        pin_revision(HUB.model_copy(update={"revision": "v9"}), "fresh")


def test_the_path_of_a_file_must_be_absolute(tmp_path: Path) -> None:
    absolute = NewRowsFile(origin="files", path=tmp_path / "tonight.csv")
    assert pin_revision(absolute, "fresh") == absolute
    relative = NewRowsFile(origin="files", path=Path("data/tonight.csv"))
    with pytest.raises(InputError, match=r"^fresh\.path: data/tonight\.csv is not absolute"):
        pin_revision(relative, "fresh")
