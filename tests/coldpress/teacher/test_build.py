from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils.logging import is_progress_bar_enabled

from coldpress.benchmark.loading import Benchmark
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, save_classifier, write_checkpoint
from coldpress.teacher import build as pretrained
from coldpress.teacher.build import build_teacher
from coldpress.teacher.config_checks import check_config
from coldpress.teacher.config_keys import COUNT, EFFECTIVE_KEYS, IGNORED_KEYS, REQUIRED_VALUES
from coldpress.teacher.spec import Teacher
from tests.support.tiny_eurobert import write_eurobert

FAMILIES = sorted(ARCHITECTURES)


def benchmark(split: Split, *labels: str) -> Benchmark:
    return Benchmark(TEXT_CLASSIFICATION, labels, split, split, split, digest="", overlap=0)


def tuned_as(classifier: Classifier, labels: tuple[str, ...], directory: Path) -> Teacher:
    """Save a fine-tuned model with the label names `labels`, to be used without training."""
    directory.mkdir()
    classifier.config.architectures = [type(classifier.module).__name__]
    save_classifier(replace(classifier, labels=labels), directory)
    return Teacher.model_validate({"model": str(directory), "epochs": 0})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tuned_head_is_reordered_to_the_benchmarks_labels(
    random_classifier: Callable[[str], Classifier], family: str, split: Split, tmp_path: Path
) -> None:
    original = random_classifier(family)
    teacher = tuned_as(original, ("warm", "calm", "fast"), tmp_path / "tuned")
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    data = encode(original.tokenizer, split)
    assert built.labels == ("calm", "fast", "warm")
    torch.testing.assert_close(built.logits(data), original.logits(data)[:, [1, 2, 0]])


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_head_whose_labels_are_mapped_is_reordered(
    tiny: Classifier, split: Split, tmp_path: Path, epochs: int
) -> None:
    teacher = tuned_as(tiny, ("LABEL_0", "1", "x"), tmp_path / "tuned").model_copy(
        update={"epochs": epochs, "labels": {"LABEL_0": "warm", "1": "calm", "x": "fast"}}
    )
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    data = encode(tiny.tokenizer, split)
    torch.testing.assert_close(built.logits(data), tiny.logits(data)[:, [1, 2, 0]])


def test_labels_that_are_numbers_in_the_file_are_matched_by_name(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("a", "b", "c"), tmp_path / "tuned")
    path = tmp_path / "tuned" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"id2label": {"0": 2, "1": 0, "2": 1}}))
    built = build_teacher(teacher, benchmark(split, "0", "1", "2"), 16)
    data = encode(tiny.tokenizer, split)
    torch.testing.assert_close(built.logits(data), tiny.logits(data)[:, [1, 2, 0]])


def test_a_tuned_teacher_with_other_labels_is_refused(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("warm", "calm", "hot"), tmp_path / "tuned")
    with pytest.raises(InputError, match=r"^teacher.epochs: 0, but .*'hot'; only .* has 'fast'; "):
        build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)


def test_a_missing_classification_head_is_refused(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    change_weights(tmp_path / "tuned", lambda name, w: None if "classifier" in name else w)
    with pytest.raises(InputError, match=r"^teacher.epochs: 0, but .* the weights lack classifier"):
        build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)


Change = Callable[[str, torch.Tensor], torch.Tensor | None]


def change_weights(directory: Path, change: Change) -> None:
    """Rewrite the weights; those changed to None are removed."""
    path = directory / "model.safetensors"
    changed = {name: change(name, weight) for name, weight in load_file(path).items()}
    remaining = {name: weight for name, weight in changed.items() if weight is not None}
    save_file(remaining, path, metadata={"format": "pt"})


def to_train(teacher: Teacher) -> Teacher:
    return teacher.model_copy(update={"epochs": 1})


def test_a_new_head_comes_from_torchs_seed(tiny: Classifier, split: Split, tmp_path: Path) -> None:
    teacher = to_train(tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned"))
    two_labels = benchmark(split, "no", "yes")
    heads = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        heads.append(
            build_teacher(teacher, two_labels, 16).module.state_dict()["classifier.weight"]
        )
    assert heads[0].shape == (2, 16)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_the_encoder_has_the_weights_in_the_directory(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = to_train(tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned"))
    built = build_teacher(teacher, benchmark(split, "no", "yes"), 16)
    for name, weight in tiny.encoder.state_dict().items():
        assert torch.equal(built.encoder.state_dict()[name], weight), name


def test_a_modernbert_that_was_pretrained_on_masked_words_becomes_a_teacher(
    random_classifier: Callable[..., Classifier], split: Split, tmp_path: Path
) -> None:
    """Published files have old configuration keys, and a decoder that is not needed."""
    source = random_classifier("modernbert")
    teacher = to_train(tuned_as(source, ("calm", "fast", "warm"), tmp_path / "tuned"))
    path = tmp_path / "tuned" / "config.json"
    config = json.loads(path.read_text())
    for name in ("rope_parameters", "layer_types"):
        del config[name]
    published = {"global_rope_theta": 5e4, "local_rope_theta": 2e3, "global_attn_every_n_layers": 2}
    config |= {**published, "architectures": ["ModernBertForMaskedLM"]}
    path.write_text(json.dumps(config))
    change_weights(tmp_path / "tuned", lambda n, w: None if "classifier" in n else w)
    built = build_teacher(teacher, benchmark(split, "no", "yes"), 16)
    assert built.config.layer_types == ["full_attention", "sliding_attention", "full_attention"]
    thetas = [built.config.rope_parameters[kind]["rope_theta"] for kind in built.config.layer_types]
    assert thetas == [5e4, 2e3, 5e4]
    assert torch.equal(
        built.linear(built.layers[1], "gate").weight, source.linear(source.layers[1], "gate").weight
    )
    assert torch.equal(
        built.module.get_parameter("head.dense.weight"),
        source.module.get_parameter("head.dense.weight"),
    )
    write_checkpoint(built, tmp_path / "again", Manifest(stage="train_teacher"))
    rows = encode(built.tokenizer, split)
    assert torch.equal(
        load_classifier(Checkpoint.open(tmp_path / "again")).logits(rows), built.logits(rows)
    )


def test_a_published_eurobert_becomes_a_teacher_with_its_logits(
    split: Split, tmp_path: Path
) -> None:
    """Its configuration has older names, and four heads share the keys and values of two."""
    original = write_eurobert(tmp_path / "published", split.texts)
    path = tmp_path / "published" / "config.json"
    config = json.loads(path.read_text())
    names = {"0": "no", "1": "yes"}
    path.write_text(json.dumps(config | {"id2label": names, "label2id": {"no": 0, "yes": 1}}))
    section = {"model": str(tmp_path / "published"), "epochs": 0}
    built = build_teacher(Teacher.model_validate(section), benchmark(split, "no", "yes"), 32)
    assert built.config.rope_parameters["rope_theta"] == 250000.0
    assert built.mask_token == "<|mask|>"
    batch = encode(built.tokenizer, split).batch(range(len(split.texts)))
    assert batch.input_ids[:, 0].tolist() == [0] * len(split.texts)
    with torch.inference_mode():
        expected = original(**built.inputs(batch)).logits
        torch.testing.assert_close(built.unit_logits(batch), expected)


def test_shards_may_have_any_names_and_lie_deeper(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    single = tmp_path / "tuned" / "model.safetensors"
    weights = load_file(single)
    single.unlink()
    (single.parent / "more").mkdir()
    places = ("part-a.safetensors", "more/b.safetensors")
    shards = {name: places["classifier" in name] for name in weights}
    for shard in set(shards.values()):
        part = {name: weight for name, weight in weights.items() if shards[name] == shard}
        save_file(part, single.parent / shard, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": shards}
    (single.parent / "model.safetensors.index.json").write_text(json.dumps(index))
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    data = encode(tiny.tokenizer, split)
    assert torch.equal(built.logits(data), tiny.logits(data))


@pytest.mark.parametrize(
    "keys",
    [
        {"return_dict": False, "output_attentions": True, "output_hidden_states": True},
        {"chunk_size_feed_forward": 5},
        {"torchscript": True, "dtype": "float16", "use_cache": False},
        {"tie_word_embeddings": False, "tie_last_hidden_states": True, "attribute_map": {"a": "b"}},
        {"layer_norm_eps": 0, "num_labels": 3, "attn_implementation": "flash_attention_2"},
    ],
)
def test_keys_without_effect_change_no_logits(
    tiny: Classifier, split: Split, tmp_path: Path, keys: dict[str, Any]
) -> None:
    tiny.config.layer_norm_eps = 0.0
    for module in tiny.module.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 0.0
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    path = tmp_path / "tuned" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    data = encode(tiny.tokenizer, split)
    torch.testing.assert_close(built.logits(data), tiny.logits(data), rtol=0, atol=0)
    write_checkpoint(built, tmp_path / "again", Manifest(stage="train_teacher"))
    saved = json.loads((tmp_path / "again" / "config.json").read_text())
    assert (saved["return_dict"], saved["chunk_size_feed_forward"]) == (True, 0)
    assert torch.equal(
        load_classifier(Checkpoint.open(tmp_path / "again")).logits(data), tiny.logits(data)
    )


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 40),
    st.sampled_from([10**30, 1.5, 1e300, float("nan"), float("inf"), "", "gelu", "cls"]),
    st.text(max_size=3),
)
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=2), st.dictionaries(st.text(max_size=3), PLAIN))
# Sizes are left out: they are checked against the weights.
SIZES = {name for name, kind in EFFECTIVE_KEYS.items() if kind == COUNT}


@settings(deadline=None)
@given(
    family=st.sampled_from(FAMILIES),
    key=st.sampled_from(sorted({*EFFECTIVE_KEYS, *REQUIRED_VALUES, *IGNORED_KEYS} - SIZES)),
    value=VALUES,
)
def test_transformers_builds_every_accepted_configuration(
    family: str, key: str, value: object
) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
    whole = AutoConfig.for_model(family, **sizes, pad_token_id=0).to_dict()
    content = {**whole, "model_type": family, key: value}
    try:
        check_config(content, "here")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        build: Any = AutoModelForSequenceClassification
        with torch.device("meta"):
            build.from_config(pretrained._build_config(content), attn_implementation="eager")


def test_half_precision_weights_become_float32(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    change_weights(tmp_path / "tuned", lambda _, weight: weight.half())
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    assert {parameter.dtype for parameter in built.module.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda n, w: None if ".query" in n else w,
            "the weights lack bert.encoder.layer.0.attention.self.query.weight and 3 more",
        ),
        (
            lambda n, w: w[:-1] if "word" in n else w,
            "bert.embeddings.word_embeddings.weight has the shape 11 x 16, but by config.json",
        ),
    ],
)
def test_weights_that_do_not_fit_the_configuration_are_refused(
    tiny: Classifier, split: Split, tmp_path: Path, change: Change, message: str
) -> None:
    teacher = to_train(tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned"))
    change_weights(tmp_path / "tuned", change)
    with pytest.raises(InputError, match=rf"^teacher.model.path: .*: {message}"):
        build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)


@pytest.mark.parametrize(
    ("family", "max_tokens", "limit"),
    [
        ("bert", 8, 8),
        ("bert", 512, 24),
        ("distilbert", 512, 24),
        ("roberta", 512, 23),  # positions are counted from the padding id, 0 here
        ("modernbert", 512, 24),
        ("eurobert", 512, 24),
    ],
)
def test_texts_are_cut_at_the_smaller_limit_and_the_longest_runs(
    random_classifier: Callable[[str], Classifier],
    family: str,
    max_tokens: int,
    limit: int,
    tmp_path: Path,
) -> None:
    teacher = tuned_as(random_classifier(family), ("calm", "fast", "warm"), tmp_path / "tuned")
    long = Split(("a",), ("cold press " * 20,), None, (0,))
    built = build_teacher(teacher, benchmark(long, "calm", "fast", "warm"), max_tokens)
    data = encode(built.tokenizer, long)
    assert (len(data.input_ids[0]), data.truncated) == (limit, 1)
    assert built.logits(data).isfinite().all()


def test_padding_and_truncation_in_tokenizer_json_are_replaced(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    path = str(tmp_path / "tuned" / "tokenizer.json")
    padded = Tokenizer.from_file(path)
    padded.enable_padding(length=12)
    padded.enable_truncation(4)
    padded.save(path)
    built = build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    assert len(built.tokenizer.encode("cold").ids) == 3
    assert len(built.tokenizer.encode("cold " * 9).ids) == 11


def test_a_tokenizer_is_built_from_a_vocabulary_file(
    tiny: Classifier, split: Split, tmp_path: Path
) -> None:
    teacher = to_train(tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "tuned" / name).unlink()
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cold", "press", "##ed", "oil")
    (tmp_path / "tuned" / "vocab.txt").write_text("\n".join(words))
    built = build_teacher(teacher, benchmark(split, "no", "yes"), 16)
    assert built.tokenizer.encode("Cold pressed").ids == [2, 5, 6, 7, 3]


@pytest.fixture
def transformers_log() -> Iterator[SimpleQueue[logging.LogRecord]]:
    """The warnings and errors that transformers logs."""
    logger = logging.getLogger("transformers")
    records: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(records)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    yield records
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_transformers_logs_nothing_and_its_settings_are_restored(
    tiny: Classifier, split: Split, tmp_path: Path, transformers_log: SimpleQueue[logging.LogRecord]
) -> None:
    teacher = to_train(tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned"))
    build_teacher(teacher, benchmark(split, "no", "yes"), 16)
    assert transformers_log.empty()
    assert logging.getLogger("transformers").level == logging.WARNING
    assert is_progress_bar_enabled()


def test_no_progress_bar_is_shown(
    tiny: Classifier, split: Split, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    teacher = tuned_as(tiny, ("calm", "fast", "warm"), tmp_path / "tuned")
    build_teacher(teacher, benchmark(split, "calm", "fast", "warm"), 16)
    assert capfd.readouterr().err == ""


def scratch(**also: Any) -> Teacher:  # noqa: ANN401
    sizes = {"layers": 2, "hidden_size": 16, "heads": 2, "neurons": 24, "vocabulary_size": 100}
    return Teacher.model_validate({"model": {"origin": "scratch", **sizes, **also}})


def test_a_scratch_teacher_has_the_described_sizes(split: Split) -> None:
    built = build_teacher(scratch(), benchmark(split, "calm", "fast", "warm"), 12)
    assert [(shape.heads, shape.neurons) for shape in built.shapes] == [(2, 24), (2, 24)]
    assert built.logits(encode(built.tokenizer, split)).shape == (12, 3)
    assert (built.tokenizer.truncation or {})["max_length"] == 12
    assert built.config.max_position_embeddings == 12
    assert not built.module.training


def test_a_scratch_tokenizer_learns_from_training_texts_and_their_pairs(split: Split) -> None:
    paired = Split(split.ids, split.texts, ("lemon",) * 12, split.targets)
    unseen = Split(("x",), ("zebra zebra zebra",), ("zebra",), (0,))
    data = Benchmark(
        TEXT_CLASSIFICATION, ("a", "b", "c"), paired, unseen, unseen, digest="", overlap=0
    )
    tokens = build_teacher(scratch(), data, 12).tokenizer.encode("cold lemon zebra").tokens
    assert tokens == ["[CLS]", "cold", "lemon", "[UNK]", "[SEP]"]


def test_equal_seeds_give_equal_scratch_weights(split: Split) -> None:
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        built = build_teacher(scratch(), benchmark(split, "calm", "fast", "warm"), 12)
        states.append(torch.cat([p.flatten() for p in built.module.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
