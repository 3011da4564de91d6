"""Whether a pretrained teacher's tokenizer.json is one."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from coldpress.errors import InputError


def check_tokenizer(directory: Path, place: str) -> None:
    """Check that a teacher's tokenizer loads.

    Args:
        directory: Holds tokenizer.json, or other files that one can be made of.
        place: How an error names the teacher.

    Raises:
        InputError: There is a tokenizer.json and it holds no tokenizer.
    """
    file = directory / "tokenizer.json"
    if not file.exists():
        return
    try:
        Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{place}: {file.name} cannot be read: {error}") from error
