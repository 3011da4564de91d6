"""Pretrained models that any field of a recipe may name; test_spec.py has the checks of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coldpress.errors import InputError
from coldpress.teacher.pretrained import (
    DirectoryModel,
    HubModel,
    PretrainedModel,
    check_pretrained,
    fetch_model,
    fetch_tokenizer,
    pretrained_digest,
    read_config,
)
from tests.support.local_hub import LocalHub

FIELD = "distill.student.from"


@pytest.mark.parametrize(
    "use", [check_pretrained, fetch_model, fetch_tokenizer, pretrained_digest, read_config]
)
def test_a_message_names_the_field_of_a_hub_model(
    use: Callable[[PretrainedModel, str], object], local_hub: LocalHub
) -> None:
    with pytest.raises(InputError, match=r"^distill\.student\.from: [^\n]*tiny/none"):
        use(HubModel(origin="hub", id="tiny/none"), FIELD)


@pytest.mark.parametrize("use", [check_pretrained, fetch_model, read_config])
def test_a_message_names_the_field_of_a_directory(
    use: Callable[[PretrainedModel, str], object], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"^distill\.student\.from\.path: /"):
        use(DirectoryModel(origin="directory", path=tmp_path / "none"), FIELD)
