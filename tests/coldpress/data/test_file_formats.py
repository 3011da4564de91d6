from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldpress.data import file_formats, rows
from coldpress.errors import InputError


def write_file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def error_message(path: Path, *columns: str) -> str:
    """Return the error of reading a file, without field and path."""
    with pytest.raises(InputError) as error:
        rows.extract_texts(file_formats.read_file(path, columns or ("text",), "field"), "text")
    message = str(error.value)
    assert message.startswith(f"field: {path}")
    assert "\n" not in message
    return message.removeprefix(f"field: {path}")


def test_json_lines_keep_their_line_numbers_across_blank_lines(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", '{"text": "one", "n": 1}\n\n{"text": "two", "n": 2}\n')
    read = file_formats.read_file(path, ["text"], "field")
    assert rows.extract_texts(read, "text") == ("one", "two")
    assert read.locate(1) == f"field: {path} line 3"


def test_a_unicode_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", '{"text": "one\u2028two"}\n')
    assert rows.extract_texts(file_formats.read_file(path, ["text"], "field"), "text") == (
        "one\u2028two",
    )


def test_csv_counts_lines_where_a_record_begins(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", 'label,text\nx,"two\nlines"\n\ny,"a ""quote"""\n')
    read = file_formats.read_file(path, ["text", "label"], "field")
    assert rows.extract_texts(read, "text") == ("two\nlines", 'a "quote"')
    assert rows.extract_labels(read, "label") == ("x", "y")
    assert [read.locate(i)[-6:] for i in (0, 1)] == ["line 2", "line 5"]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", b"\xef\xbb\xbftext\r\nhello\r\n")
    assert rows.extract_texts(file_formats.read_file(path, ["text"], "field"), "text") == ("hello",)


def test_parquet_columns_are_read_by_name(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "other": [0.5, 1.5], "label": [1, 0]})
    pq.write_table(table, tmp_path / "a.parquet")
    read = file_formats.read_file(tmp_path / "a.parquet", ["text", "label"], "field")
    assert read.columns == {"text": ["a", "b"], "label": [1, 0]}
    assert read.locate(1).endswith("a.parquet row 2")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": null}', " line 2: 'text' is null"),
        ('{"text": 5}', " line 2: 'text' is int, not a string"),
        ('{"text": ["a"]}', " line 2: 'text' is list, not a string"),
        ('{"text": " \\t"}', " line 2: 'text' is blank"),
        ('{"text": "\\ud83d"}', " line 2: 'text' contains half a surrogate pair"),
        ("[]", " line 2 is list, not an object"),
        (
            '{"text": "a"',
            " line 2 is not JSON: Expecting ',' delimiter: line 1 column 13 (char 12)",
        ),
        ('{"body": "a"}', " line 2: no column 'text'; benchmark.columns may use: 'body'"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    path = write_file(tmp_path / "a.jsonl", f'{{"text": "fine"}}\n{line}\n')
    assert error_message(path) == expected


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", "[" * 200_000)
    assert error_message(path).startswith(" line 1 is not JSON")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_the_line_of_an_undecodable_byte_is_named(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path / name, b'{"text": "a"}\n{"text": "b"}\n{"text": "caf\xe9"}\n')
    assert error_message(path) == " line 3 is not UTF-8"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text,label\na\n", " line 2: 1 fields, but the header has 2"),
        ("text,label\na,x\nb,y,z\n", " line 3: 3 fields, but the header has 2"),
        ('text\n"a" b\n', " line 2: ',' expected after '\"'"),
        ('text\nfine\n"open\n', " line 3: unexpected end of data"),
        (
            "body,label\na,x\n",
            " line 1: no column 'text'; benchmark.columns may use: 'body', 'label'",
        ),
        (
            "text,text\na,b\n",
            " line 1: more than one column 'text'; benchmark.columns may use: 'text'",
        ),
        ("text\n", " has no rows"),
        ("", " has no rows"),
    ],
)
def test_a_bad_csv_file_is_named(tmp_path: Path, content: str, expected: str) -> None:
    assert error_message(write_file(tmp_path / "a.csv", content)) == expected


def test_the_error_for_a_missing_parquet_column_lists_the_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "label": [1]}), tmp_path / "a.parquet")
    expected = error_message(tmp_path / "a.parquet")
    assert expected == ": no column 'text'; benchmark.columns may use: 'body', 'label'"


def test_the_row_of_a_null_in_a_parquet_file_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", None]}), tmp_path / "a.parquet")
    assert error_message(tmp_path / "a.parquet") == " row 2: 'text' is null"


def test_the_row_of_undecodable_bytes_in_a_parquet_file_is_named(tmp_path: Path) -> None:
    undecodable = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"text": undecodable}), tmp_path / "a.parquet")
    assert error_message(tmp_path / "a.parquet") == " row 2: 'text' is not UTF-8"


def test_a_text_file_named_parquet_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.parquet", "text,label\n" * 20)
    assert error_message(path).startswith(" is not a Parquet file: Parquet magic bytes not found")


def test_an_empty_parquet_table_has_no_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert error_message(tmp_path / "a.parquet") == " has no rows"


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = write_file(tmp_path / "A.CSV", "text\nhello\n")
    assert rows.extract_texts(file_formats.read_file(path, ["text"], "field"), "text") == ("hello",)
    path = write_file(tmp_path / "A.JsonL", '{"text": "hello"}')
    assert rows.extract_texts(file_formats.read_file(path, ["text"], "field"), "text") == ("hello",)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_git_lfs_pointer_is_refused_with_the_remedy(tmp_path: Path, name: str) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    expected = " is a git-lfs pointer, not the file itself; fetch it with: git lfs pull"
    assert error_message(write_file(tmp_path / name, pointer)) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_another_encoding_is_refused_with_the_remedy(
    tmp_path: Path, name: str, encoding: str
) -> None:
    expected = error_message(write_file(tmp_path / name, "text\nhello\n".encode(encoding)))
    assert expected.startswith(" is UTF-")
    assert expected.endswith("; save it as UTF-8")


@pytest.mark.parametrize(
    ("header", "ending"),
    [
        ("label, text", "'label', ' text'; ' text' differs in spaces or capitals"),
        ("label,Text", "'label', 'Text'; 'Text' differs in spaces or capitals"),
        ('"label, text"', "'label, text'"),
        ("label,", "'label', ''"),
        ("label;text", "'label;text'; the file seems to be separated by semicolons: separate it"),
        ("label\ttext", r"'label\ttext'; the file seems to be separated by tabs: separate it"),
    ],
)
def test_column_names_are_quoted_literally(tmp_path: Path, header: str, ending: str) -> None:
    fields = ",".join("x" for _ in header.split(",")) if '"' not in header else "x"
    path = write_file(tmp_path / "a.csv", f"{header}\n{fields}\n")
    expected = f" line 1: no column 'text'; benchmark.columns may use: {ending}"
    assert error_message(path).startswith(expected)


def test_a_duplicate_key_is_named(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", '{"text": "a", "text": "b"}\n')
    assert error_message(path) == " line 1 is not JSON: duplicate key 'text'"


def test_a_missing_file_a_directory_and_an_unknown_suffix_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert error_message(tmp_path / "none.jsonl") == ": no such file"
    assert error_message(tmp_path / "folder.csv") == ": no such file"
    assert error_message(tmp_path / "a.xlsx") == " is not a .jsonl, .csv or .parquet file"


PIECES = st.sampled_from(
    ['{"text":', '"a"', "}", "\n", "\r", ",", '"', "text", "label", "\ufeff", "\0", "\u2028", "["]
)
CONTENTS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map("".join))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=CONTENTS, name=st.sampled_from(["a.csv", "a.jsonl", "a.parquet"]))
def test_any_content_is_read_or_refused_in_one_line(
    tmp_path: Path, content: str | bytes, name: str
) -> None:
    path = write_file(tmp_path / name, content)
    try:
        read = file_formats.read_file(path, ["text"], "field")
    except InputError as error:
        assert str(error).startswith(f"field: {path}")
        assert "\n" not in str(error)
    else:
        assert len(read.columns["text"]) == len(read) > 0
