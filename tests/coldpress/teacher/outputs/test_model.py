"""Outputs of decoders are those of transformers, with any padding and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from coldpress.data.splits import Split, row_ids
from coldpress.data.words import split_words
from coldpress.errors import InputError
from coldpress.kinds import KINDS, TEXT_CLASSIFICATION
from coldpress.teacher.outputs.model import load_outputs_model
from tests.support.decoder_models import save_decoder

TEXTS = ("cold press", "olive oil slow stone", "warm", "fast stone cold oil olive")
SPLIT = Split(row_ids(TEXTS, None), TEXTS, None, ())


@pytest.mark.parametrize("family", ["qwen3", "llama"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_outputs_equal_those_of_a_padded_batch(family: str, side: str, tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model", family, side=side)
    module = AutoModelForSequenceClassification.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    batch = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    assert tokenizer.padding_side == side
    batch.pop("token_type_ids", None)
    with torch.inference_mode():
        expected = module(**batch).logits.numpy()
    model = load_outputs_model(directory, TEXT_CLASSIFICATION, 32, "here")
    outputs = model.outputs(model.encode(SPLIT))
    assert np.abs(outputs - expected).max() < 1e-3
    assert np.ptp(outputs, axis=0).min() > 0.01  # the texts differ


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_outputs_without_a_padding_token_equal_those_of_single_texts(
    family: str, tmp_path: Path
) -> None:
    directory = save_decoder(tmp_path / "model", family, padded=False)
    module = AutoModelForSequenceClassification.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    with torch.inference_mode():
        expected = [
            module(input_ids=tokenizer(text, return_tensors="pt")["input_ids"]).logits[0].numpy()
            for text in TEXTS
        ]
    model = load_outputs_model(directory, TEXT_CLASSIFICATION, 32, "here")
    assert model.padding_id is None
    assert np.abs(model.outputs(model.encode(SPLIT)) - np.stack(expected)).max() < 1e-3


def test_words_have_the_outputs_of_their_first_token(tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model", labels=("O", "B-LOC", "I-LOC"), tokens=True)
    words = Split(SPLIT.ids, TEXTS, None, (), words=tuple(map(split_words, TEXTS)))
    model = load_outputs_model(directory, KINDS["token-classification"], 3, "here")
    encoded = model.encode(words)
    outputs = model.outputs(encoded)
    assert outputs.shape == (2 + 4 + 1 + 5, 3)
    assert encoded.truncated == 2
    # Words beyond the limit of three tokens have no outputs.
    assert [bool(row.any()) for row in outputs[2:6]] == [True, True, True, False]


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    directory = save_decoder(tmp_path / "model")
    with pytest.raises(InputError, match="the weights lack"):
        load_outputs_model(directory, KINDS["token-classification"], 32, "here")
