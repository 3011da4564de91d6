"""Change a tokenizer's post-processor to a single segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def force_single_segment(processor: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put both texts of a pair into segment 0.

    Args:
        processor: The `post_processor` of a tokenizer.json.

    Returns:
        A post-processor that adds the same special tokens, all in segment 0.
    """
    if processor is None:
        return _template_processor([], [])
    kind = processor["type"]
    if kind == "BertProcessing":
        return _template_processor(processor["cls"], processor["sep"])
    if kind == "Sequence":
        inner = [dict(part) for part in processor["processors"]]
        if {part["type"] for part in inner} == {"ByteLevel"}:
            return {**processor, "processors": [*inner, _template_processor([], [])]}
        changed = [p if p["type"] == "ByteLevel" else force_single_segment(p) for p in inner]
        return {**processor, "processors": changed}
    if kind == "ByteLevel":
        return {"type": "Sequence", "processors": [dict(processor), _template_processor([], [])]}
    pieces = {
        name: [
            {key: {**piece, "type_id": 0} for key, piece in part.items()}
            for part in processor[name]
        ]
        for name in ("single", "pair")
        if name in processor
    }
    return {**processor, **pieces}


def _template_processor(cls: list[Any], sep: list[Any]) -> dict[str, Any]:
    """Build a post-processor that adds `cls` and `sep`: [name, id] each, or empty."""
    first, last = (
        [{"SpecialToken": {"id": token[0], "type_id": 0}}] if token else [] for token in (cls, sep)
    )
    texts = [{"Sequence": {"id": name, "type_id": 0}} for name in ("A", "B")]
    single = [*first, texts[0], *last]
    special = {
        token[0]: {"id": token[0], "ids": [token[1]], "tokens": [token[0]]}
        for token in (cls, sep)
        if token
    }
    pair = [*single, texts[1], *last]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}
