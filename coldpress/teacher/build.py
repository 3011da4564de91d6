"""Builds the teacher: from pretrained files, or from sizes and random numbers."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    PreTrainedConfig,
)
from transformers.utils.logging import (
    disable_progress_bar,
    enable_progress_bar,
    is_progress_bar_enabled,
)

from coldpress.data.benchmark import Benchmark
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.config_checks import effective_config
from coldpress.teacher.label_checks import check_teacher_labels, mapped_labels
from coldpress.teacher.spec import ScratchModel, Teacher, fetch_model
from coldpress.teacher.tokenizer import loading
from coldpress.teacher.tokenizer.comparison import compare_with_transformers
from coldpress.teacher.tokenizer.wordpiece import MASK_TOKEN, SPECIAL_TOKENS, train_wordpiece


def build_teacher(teacher: Teacher, benchmark: Benchmark, max_tokens: int) -> Classifier:
    """Build the model that the teacher stage fits, or uses as it is.

    New weights are drawn from torch's current random state.

    Args:
        teacher: Where it comes from; with zero epochs its head must know the labels.
        benchmark: Gives the labels, and the texts that a scratch teacher's tokenizer learns from.
        max_tokens: Longer texts are cut here, or at the model's own limit.

    Returns:
        A float32 classifier in evaluation mode, its logits in the benchmark's order.

    Raises:
        InputError: The model cannot be had, read or used as it is.
    """
    check_teacher_labels(teacher, benchmark.labels)
    if isinstance(teacher.model, ScratchModel):
        return _build_from_scratch(teacher.model, benchmark, max_tokens)
    directory = fetch_model(teacher.model)
    classifier, unread = _load_pretrained(directory, teacher, benchmark, max_tokens)
    if unread and not teacher.epochs:
        raise InputError(f"teacher.epochs: 0, but the weights lack {min(unread)}")
    return classifier


def _build_from_scratch(model: ScratchModel, benchmark: Benchmark, max_tokens: int) -> Classifier:
    texts = [*benchmark.train.texts, *(benchmark.train.pairs or ())]
    pieces = train_wordpiece(texts, model.vocabulary_size)
    pieces.enable_truncation(max_tokens)
    config = BertConfig(
        vocab_size=pieces.get_vocab_size(),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.neurons,
        max_position_embeddings=max_tokens,
        id2label=dict(enumerate(benchmark.labels)),
        pad_token_id=SPECIAL_TOKENS.index("[PAD]"),
    )
    build = cast("Callable[..., nn.Module]", AutoModelForSequenceClassification.from_config)
    module = build(config, attn_implementation="eager")
    module.eval()
    return Classifier(module, pieces, benchmark.labels, MASK_TOKEN)


def _load_pretrained(
    directory: Path, teacher: Teacher, benchmark: Benchmark, max_tokens: int
) -> tuple[Classifier, list[str]]:
    """Return the classifier, and the names of its parameters that are new."""
    place, labels = f"teacher.model: {directory}", benchmark.labels
    source = loading.load_teacher_tokenizer(directory, max_tokens, place)
    compare_with_transformers(source, benchmark)
    content = read_json_object(directory / "config.json", place)
    config, known = _build_config(content), mapped_labels(teacher, content)
    module, unread = _load_module(directory, config, len(labels))
    classifier = Classifier(module, source.tokenizer, labels, source.mask)
    _check_missing_weights(unread, classifier, directory)
    if sorted(known) == sorted(labels):
        _reorder_head(classifier, [known.index(name) for name in labels])
    module.eval()
    return classifier, unread


def _build_config(content: Mapping[str, Any]) -> PreTrainedConfig:
    """Build the configuration from the keys that have an effect, whatever else the file sets."""
    family = content["model_type"]
    known = {field.name for field in dataclasses.fields(CONFIG_MAPPING[family])}
    known |= set(CONFIG_MAPPING[family].attribute_map)
    # ModernBERT's first files have these in place of layer_types and rope_parameters.
    known |= {"global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"}
    known |= {"rope_scaling"} if "rope_parameters" in known else set()
    kept = {name: value for name, value in effective_config(content).items() if name in known}
    return AutoConfig.for_model(family, **kept)


def _load_module(
    directory: Path, config: PreTrainedConfig, labels: int
) -> tuple[nn.Module, list[str]]:
    """Return the module, and the names of its parameters that no weights were found for."""
    if config.num_labels != labels:
        config.num_labels = labels
    with _quiet_transformers():
        module, report = AutoModelForSequenceClassification.from_pretrained(
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


def _check_missing_weights(unread: Sequence[str], classifier: Classifier, directory: Path) -> None:
    """Refuse weights of another model: only pooler and head may be new."""
    prefix = f"{classifier.architecture.encoder}."
    lost = [k for k in unread if k.startswith(prefix) and not k.startswith(f"{prefix}pooler.")]
    if lost:
        raise InputError(
            f"teacher.model: {directory} has no fitting weights for {len(lost)} of the encoder's"
            f" parameters, such as {min(lost)}"
        )


def _reorder_head(classifier: Classifier, order: Sequence[int]) -> None:
    """Put the rows of the last linear module, one a label, into the benchmark's order."""
    head = classifier.module.get_submodule(classifier.architecture.output)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter[torch.tensor(order)].clone())


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers' report on new weights, which we check ourselves, off the screen."""
    logger = logging.getLogger("transformers")
    level, bars = logger.level, is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logger.setLevel(level)
        if bars:
            enable_progress_bar()  # type: ignore[no-untyped-call]
