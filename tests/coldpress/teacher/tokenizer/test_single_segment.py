from __future__ import annotations

import json
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import (
    BertProcessing,
    ByteLevel,
    RobertaProcessing,
    Sequence,
    TemplateProcessing,
)

from coldpress.teacher.tokenizer.single_segment import force_single_segment

ENDS = (("[SEP]", 1), ("[CLS]", 0))
TEMPLATE = TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 0), ("[SEP]", 1)],
)


@pytest.mark.parametrize(
    "processor",
    [
        None,
        TEMPLATE,
        BertProcessing(*ENDS),
        RobertaProcessing(*ENDS),
        ByteLevel(),
        Sequence([ByteLevel(), TEMPLATE]),
        Sequence([ByteLevel(), BertProcessing(*ENDS)]),
        Sequence([ByteLevel()]),
    ],
)
def test_the_tokens_stay_and_every_segment_is_zero(processor: Any) -> None:  # noqa: ANN401
    made = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3}, unk_token="a"))
    made.pre_tokenizer = WhitespaceSplit()
    if processor is not None:
        made.post_processor = processor
    described = json.loads(made.to_str())
    described["post_processor"] = force_single_segment(described["post_processor"])
    other = Tokenizer.from_str(json.dumps(described))
    for row in (("a b",), ("a", "b b")):
        before, after = made.encode(*row), other.encode(*row)
        assert after.ids == before.ids
        assert set(after.type_ids) == {0}
