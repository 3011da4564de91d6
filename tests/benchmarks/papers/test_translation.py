from __future__ import annotations

import json
from pathlib import Path

import torch

import greedy_decoding
import translation
import translation_data
from coldpress.pruning.sparsity import SparsityTarget, zero_smallest_in_place
from translation import Translator
from translation_data import BOS, EOS, PAD, Pairs


def copy_task() -> Pairs:
    sentences = [[3 + i, 3 + j] for i in range(4) for j in range(4)]
    return Pairs(sentences, sentences)


def test_a_model_learns_to_copy_its_input() -> None:
    torch.manual_seed(0)
    model = Translator(7)
    pairs = copy_task()
    translation.train(model, pairs, 150, 2e-3)
    assert greedy_decoding.translate(model, pairs.sources) == pairs.targets


def test_translations_end_independently_of_each_other() -> None:
    """Sentences of one batch that end earlier do not change those that go on."""
    torch.manual_seed(0)
    model = Translator(7)
    sources = [[3], [3, 4, 5], [5, 5], [4, 3, 5, 3, 6]]
    translation.train(model, Pairs(sources, sources), 60, 2e-3)
    together = greedy_decoding.translate(model, sources)
    assert together == [greedy_decoding.translate(model, [source])[0] for source in sources]
    assert len({len(tokens) for tokens in together}) > 1


def test_each_token_is_the_likeliest_of_the_whole_model() -> None:
    """Keys and values of earlier positions stand for computing all positions again."""
    torch.manual_seed(0)
    model = Translator(40)
    sources = [[3, 4, 5, 6], [30, 31], [17]]
    targets = [[9, 8, 9, 9, 7, 8, 8, 7], [20, 20, 20, 20, 21], [12, 13, 12, 13]]
    translation.train(model, Pairs(sources, targets), 25, 2e-3)
    for source, tokens in zip(sources, greedy_decoding.translate(model, sources), strict=True):
        logits = model(torch.tensor([source]), torch.tensor([[BOS, *tokens]]))
        assert logits[0, : len(tokens)].argmax(dim=-1).tolist() == tokens
        assert len(tokens) > 3


def test_training_keeps_pruned_weights_at_zero() -> None:
    torch.manual_seed(0)
    model = Translator(7)
    weights = translation.weight_matrices(model)
    zero_smallest_in_place(weights, SparsityTarget(0.5))
    zeros = [weight.detach() == 0 for weight in weights]
    before = [weight.detach().clone() for weight in weights]
    translation.train(model, copy_task(), 2, 1e-3)
    assert all(bool((w.detach()[z] == 0).all()) for w, z in zip(weights, zeros, strict=True))
    assert any(not torch.equal(w.detach(), b) for w, b in zip(weights, before, strict=True))
    share = sum(int(z.sum()) for z in zeros) / sum(z.numel() for z in zeros)
    assert abs(share - 0.5) < 0.01


def test_padding_does_not_change_a_translation() -> None:
    torch.manual_seed(0)
    model = Translator(9).eval()
    target = torch.tensor([[BOS, 4]])
    alone = model(torch.tensor([[3, 5]]), target)
    padded = model(torch.tensor([[3, 5, PAD, PAD]]), target)
    assert torch.allclose(alone, padded, atol=1e-5)


def test_files_are_read_and_decoded_again(tmp_path: Path) -> None:
    rows = [{"en": "A man sleeps.", "de": "Ein Mann schläft."}] * 3
    for name in ("train", "validation", "test"):
        lines = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    files = [tmp_path / f"{name}.jsonl" for name in ("train", "validation", "test")]
    corpus = translation_data.read_corpus("tiny", files, ("en", "de"))
    tokenizer = translation_data.train_tokenizer(corpus.train)
    pairs = translation_data.encode(tokenizer, corpus.test, 80)
    assert tokenizer.decode(pairs.targets[0]).strip() == "Ein Mann schläft."
    assert EOS not in pairs.targets[0]
    assert len(corpus.validation) == 3
