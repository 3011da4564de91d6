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
    original = Tokenizer(WordLevel({"[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3}, unk_token="a"))
    original.pre_tokenizer = WhitespaceSplit()
    if processor is not None:
        original.post_processor = processor
    content = json.loads(original.to_str())
    content["post_processor"] = force_single_segment(content["post_processor"])
    changed = Tokenizer.from_str(json.dumps(content))
    for row in (("a b",), ("a", "b b")):
        before = original.encode(*row)
        after = changed.encode(*row)
        assert after.ids == before.ids
        assert set(after.type_ids) == {0}
