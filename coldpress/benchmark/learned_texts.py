"""Texts that vectors are learned for: those of a source, with or without translations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coldpress.data import rows, synthetic_search, synthetic_translations, text_sources
from coldpress.data.rows import Rows
from coldpress.data.sources import SyntheticSource
from coldpress.data.splits import Split, row_ids, stratified_split
from coldpress.data.translations import extract_translations, list_columns, pair_up
from coldpress.kinds.sentence_embedding import SentenceColumns, SentenceEmbeddingBenchmark

LearnedTexts = Sequence[tuple[str, str]]
"""Texts, each with the one whose vector it should have: itself, or what it is a translation of."""


def read_learned_texts(
    section: SentenceEmbeddingBenchmark,
) -> tuple[LearnedTexts, LearnedTexts | None]:
    """Read the texts of a source.

    Args:
        section: The recipe's benchmark section.

    Returns:
        Texts for training, and for validation; None if the source has no such split.

    Raises:
        InputError: A file, column or row is invalid.
    """
    source, columns = section.source, section.columns
    if isinstance(source, SyntheticSource):
        seed = f"{source.data_seed}:train"
        texts = synthetic_search.generate_texts(source.train_examples, seed)
        languages = len(list_columns(columns.translations))
        return _learn(texts, synthetic_translations.translate_all(texts, languages)), None
    train, validation = text_sources.read_texts(source, columns)
    return _extract(train, columns), None if validation is None else _extract(validation, columns)


def add_texts(learned: LearnedTexts, more: Iterable[str]) -> LearnedTexts:
    """Add texts that have their own vectors, and leave out texts that occur before."""
    distinct: dict[str, str] = {}
    for text, source in (*learned, *((text, text) for text in more)):
        distinct.setdefault(text, source)
    return list(distinct.items())


def learned_split(learned: LearnedTexts, translated: bool) -> Split:
    """Return a split of texts.

    Args:
        learned: The texts.
        translated: Whether some may be translations, so that the split needs their sources.
    """
    texts = tuple(text for text, _ in learned)
    sources = tuple(source for _, source in learned) if translated else None
    return Split(row_ids(texts, None), texts, None, (), sources=sources)


def cut_validation(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Split texts off; a text and its translations stay together.

    Args:
        split: From `learned_split`.
        share: See `stratified_split`.
        seed: See `stratified_split`.

    Returns:
        The texts that stay, and those split off.
    """
    sources = split.sources or split.texts
    distinct = tuple(dict.fromkeys(sources))
    parts = stratified_split(row_ids(distinct, None), [0] * len(distinct), share, seed)
    groups = [{distinct[number] for number in part} for part in parts]
    remaining, cut = (
        split.take([row for row, source in enumerate(sources) if source in part]) for part in groups
    )
    return remaining, cut


def _extract(source: Rows, columns: SentenceColumns) -> LearnedTexts:
    texts = rows.extract_texts(source, columns.text)
    if columns.translations is None:
        return _learn(texts, ())
    return _learn(texts, extract_translations(source, columns.translations))


def _learn(texts: Sequence[str], translations: Sequence[Sequence[str]]) -> LearnedTexts:
    """Return all texts, then all translations."""
    own = list(zip(texts, texts, strict=True))
    if not translations:
        return own
    pairs = pair_up(texts, translations)
    return own + list(zip(pairs.translations, pairs.sources, strict=True))
