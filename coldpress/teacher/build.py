"""Build the teacher from pretrained files, or from scratch."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    BertConfig,
    PreTrainedConfig,
)
from transformers.utils.logging import (
    disable_progress_bar,
    enable_progress_bar,
    is_progress_bar_enabled,
)

from coldpress.benchmark.loading import Benchmark
from coldpress.errors import InputError
from coldpress.model.architecture import ARCHITECTURES, POSITION_TABLES
from coldpress.model.attention import RotaryAttention
from coldpress.model.classifier import Classifier
from coldpress.model.disentangled import is_shared_position, load_positions
from coldpress.model.output_head import attach_head, model_class, new_module
from coldpress.model.sentence_head import SentenceHead, write_head
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.config_checks import effective_config
from coldpress.teacher.label_checks import check_teacher_labels, mapped_labels
from coldpress.teacher.pretrained import (
    TEACHER_FIELD,
    PretrainedModel,
    fetch_model,
    read_config,
)
from coldpress.teacher.sentence_teacher import fetch_sentence_files, load_dense
from coldpress.teacher.spec import ScratchModel, Teacher
from coldpress.teacher.tokenizer import loading
from coldpress.teacher.tokenizer.comparison import compare_with_transformers
from coldpress.teacher.tokenizer.wordpiece import MASK_TOKEN, SPECIAL_TOKENS, train_wordpiece


def build_teacher(teacher: Teacher, benchmark: Benchmark, max_tokens: int) -> Classifier:
    """Build the teacher before its training.

    New weights are drawn from torch's current random state.

    Args:
        teacher: The recipe's section. With zero epochs, the model needs an output head for the
            benchmark's labels.
        benchmark: Its labels are the classifier's labels. The tokenizer of a teacher from scratch
            is trained on its training split.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.

    Returns:
        A float32 classifier in evaluation mode; logits are in the order of the benchmark's labels.

    Raises:
        InputError: The model cannot be downloaded, read, or used without training.
    """
    check_teacher_labels(teacher, benchmark.labels, benchmark.kind)
    if isinstance(teacher.model, ScratchModel):
        head = SentenceHead() if benchmark.kind.head == "sentence" else None
        return build_from_scratch(teacher.model, benchmark, max_tokens, head)
    if benchmark.kind.head == "sentence":
        return _load_sentence_model(teacher.model, benchmark, max_tokens)
    classifier, missing = load_pretrained(teacher.model, benchmark, max_tokens)
    if missing and not teacher.epochs:
        raise InputError(f"teacher.epochs: 0, but the weights lack {min(missing)}")
    content, _ = read_config(teacher.model)
    pretrained_labels = mapped_labels(teacher, content)
    if sorted(pretrained_labels) == sorted(benchmark.labels):
        _reorder_head(classifier, [pretrained_labels.index(name) for name in benchmark.labels])
    return classifier


def build_from_scratch(
    model: ScratchModel, benchmark: Benchmark, max_tokens: int, head: SentenceHead | None = None
) -> Classifier:
    """Build an encoder with random weights, and train its tokenizer on the training split.

    Args:
        model: Sizes of the encoder.
        benchmark: Its task kind and its labels are those of the output head.
        max_tokens: Longer texts are truncated to this length.
        head: The sentence head of a model of vectors.
    """
    texts = [*benchmark.train.texts, *(benchmark.train.pairs or ())]
    tokenizer = train_wordpiece(texts, model.vocabulary_size)
    tokenizer.enable_truncation(max_tokens)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.neurons,
        max_position_embeddings=max_tokens,
        id2label=dict(enumerate(benchmark.labels)),
        pad_token_id=SPECIAL_TOKENS.index("[PAD]"),
    )
    if head is not None:
        write_head(config, head)
    module = new_module(benchmark.kind, config).eval()
    return Classifier(module, tokenizer, benchmark.labels, benchmark.kind, MASK_TOKEN)


def load_pretrained(
    model: PretrainedModel,
    benchmark: Benchmark,
    max_tokens: int,
    head: SentenceHead | None = None,
    field: str = TEACHER_FIELD,
) -> tuple[Classifier, list[str]]:
    """Load a pretrained model with an output head for a benchmark.

    Args:
        model: On the hub or in a directory.
        benchmark: Its task kind and its labels are those of the output head.
        max_tokens: Longer texts are truncated to this length, or to the model's own limit.
        head: The sentence head of a model of vectors.
        field: The recipe's field that names the model.

    Returns:
        A float32 classifier in evaluation mode, and the names of its parameters without pretrained
        weights, which are random.

    Raises:
        InputError: The model cannot be downloaded or read, or lacks weights of its encoder.
    """
    directory = fetch_model(model, field)
    place = f"{field}: {directory}"
    source = loading.load_teacher_tokenizer(directory, max_tokens, place)
    compare_with_transformers(source, benchmark)
    content = read_json_object(directory / "config.json", place)
    config = _build_config(content)
    if head is not None:
        write_head(config, head)
    module, missing = _load_module(directory, config, benchmark)
    module = attach_head(benchmark.kind, module).eval()
    classifier = Classifier(module, source.tokenizer, benchmark.labels, benchmark.kind, source.mask)
    if content.get(POSITION_TABLES):
        load_positions(classifier, directory)
        missing = [name for name in missing if not is_shared_position(name)]
    _check_missing_weights(missing, classifier, place)
    return classifier, missing


def _load_sentence_model(
    model: PretrainedModel, benchmark: Benchmark, max_tokens: int
) -> Classifier:
    """Load an encoder with the head that its sentence-transformers files describe."""
    files = fetch_sentence_files(model)
    classifier, _ = load_pretrained(model, benchmark, max_tokens, files.head)
    if files.dense is not None:
        load_dense(classifier.module, files.dense, TEACHER_FIELD)
    return classifier


def _build_config(content: Mapping[str, Any]) -> PreTrainedConfig:
    """Build the configuration from the effective keys of config.json that the family defines."""
    family = content["model_type"]
    keys = {field.name for field in dataclasses.fields(CONFIG_MAPPING[family])}
    keys |= set(CONFIG_MAPPING[family].attribute_map)
    # ModernBERT's first releases have these in place of layer_types and rope_parameters.
    keys |= {"global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"}
    # DeBERTa's configuration takes these without declaring them.
    keys |= (
        {"position_buckets", "share_att_key", "norm_rel_ebd"} if "pos_att_type" in keys else set()
    )
    # The names of rope_parameters in earlier versions of transformers.
    keys |= {"rope_scaling"} if "rope_parameters" in keys else set()
    attention = ARCHITECTURES[family].attention
    if isinstance(attention, RotaryAttention) and attention.layer_types is None:
        keys.add("rope_theta")
    values = {key: value for key, value in effective_config(content).items() if key in keys}
    return AutoConfig.for_model(family, **values)


def _load_module(
    directory: Path, config: PreTrainedConfig, benchmark: Benchmark
) -> tuple[nn.Module, list[str]]:
    """Return the module, and the names of its parameters without pretrained weights."""
    if config.num_labels != len(benchmark.labels):
        config.num_labels = len(benchmark.labels)
    with _quiet_transformers():
        module, report = model_class(benchmark.kind).from_pretrained(
            directory,
            config=config,
            attn_implementation="eager",
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            local_files_only=True,
            output_loading_info=True,
            use_safetensors=True,
        )
    return module, [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]


def _check_missing_weights(missing: Sequence[str], classifier: Classifier, place: str) -> None:
    """Refuse missing encoder weights: only the pooler and the output head may be new."""
    prefix = f"{classifier.architecture.encoder}."
    names = [n for n in missing if n.startswith(prefix) and not n.startswith(f"{prefix}pooler.")]
    if names:
        raise InputError(
            f"{place} has no matching weights for {len(names)} of the encoder's"
            f" parameters, such as {min(names)}"
        )


def _reorder_head(classifier: Classifier, order: Sequence[int]) -> None:
    """Reorder the rows of the output layer, one per label, as the benchmark's labels are."""
    head = classifier.module.get_submodule(classifier.output_head.output)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter[torch.tensor(order)].clone())


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Hide transformers' report on new weights, which Coldpress checks itself."""
    logger = logging.getLogger("transformers")
    level = logger.level
    show_progress = is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logger.setLevel(level)
        if show_progress:
            enable_progress_bar()  # type: ignore[no-untyped-call]
