"""Addresses of databases that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldpress.errors import InputError
from coldpress.search.database import check_database


def test_a_new_file_is_a_database(tmp_path: Path) -> None:
    check_database(f"sqlite:///{tmp_path / 'studies.db'}", "URI")
    assert (tmp_path / "studies.db").stat().st_size > 0


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite:////no/such/folder/studies.db",
        "postgresql://user:secret@127.0.0.1:1/studies",
        "unknown+driver://user:secret@host/studies",
    ],
)
def test_others_are_refused_without_their_password(url: str) -> None:
    with pytest.raises(InputError) as error:
        check_database(url, "COLDPRESS_STUDIES_URI")
    assert str(error.value).startswith("COLDPRESS_STUDIES_URI: cannot open the database: ")
    assert "secret" not in str(error.value)
