"""Splits of sentence embeddings: texts without targets, and the judge's data as test split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coldpress.benchmark.learned_texts import (
    add_texts,
    cut_validation,
    learned_split,
    read_learned_texts,
)
from coldpress.data import file_formats, leakage, rows, synthetic_search
from coldpress.data.judge import (
    Judge,
    read_judged_queries,
    read_scored_pairs,
)
from coldpress.data.sources import SyntheticSource
from coldpress.data.splits import Split, row_ids
from coldpress.data.synthetic_translations import translate_all
from coldpress.data.translations import Bitext, list_columns, pair_up, read_bitext
from coldpress.errors import InputError
from coldpress.kinds.regression import Regression, TargetColumns
from coldpress.kinds.retrieval import judgement_rows
from coldpress.kinds.sentence_embedding import SentenceColumns, SentenceEmbeddingBenchmark

MIN_TEXTS = 20
"""Fewer training texts teach nothing, and leave no validation split."""


@dataclass(frozen=True)
class JudgedSplits:
    """Splits of a benchmark with a judge.

    Attributes:
        train: Texts, without targets.
        validation: Texts, without targets: the teacher's vectors take their place.
        test: Queries with judgements, or first texts of pairs with scores.
        compared: Texts that the test rows are compared with: documents, or second texts.
    """

    train: Split
    validation: Split
    test: Split
    compared: Split


@dataclass(frozen=True)
class _Judgement:
    """The judge's texts and targets; `learned` are texts of it that may be learned from."""

    test: Split
    compared: Split
    learned: tuple[str, ...]


def read_judged_splits(
    section: SentenceEmbeddingBenchmark, seed: int, slice_columns: Sequence[tuple[str, str]]
) -> JudgedSplits:
    """Read texts and judge.

    Training texts are those of the source and all documents of the corpus, without the test rows'
    texts. Documents are searched, so a model may see them; it does not see what they answer.

    Args:
        section: The recipe's benchmark section.
        seed: Seed of the texts that are split off for validation.
        slice_columns: Further columns of the queries or pairs: the recipe's field, and the name.

    Raises:
        InputError: A file or row is invalid, or there are too few texts.
    """
    judgement = _read_judgement(section, slice_columns)
    translated = section.columns.translations is not None
    train, validation = read_learned_texts(section)
    texts = add_texts(train, judgement.learned)
    learned = _remove_tested(learned_split(texts, translated), judgement)
    if len(learned) < MIN_TEXTS:
        raise InputError(
            f"benchmark.source.train: {len(learned)} texts without those of the judge; at least"
            f" {MIN_TEXTS} are needed"
        )
    if validation is not None:
        selected = _remove_tested(learned_split(validation, translated), judgement)
        return JudgedSplits(learned, selected, judgement.test, judgement.compared)
    remaining, cut = cut_validation(learned, section.validation_share, seed)
    return JudgedSplits(remaining, cut, judgement.test, judgement.compared)


def _texts_split(texts: Sequence[str]) -> Split:
    return Split(row_ids(texts, None), tuple(texts), None, ())


def _remove_tested(split: Split, judgement: _Judgement) -> Split:
    """Remove the test rows' texts, and for pairs the texts that they are compared with."""
    tested = judgement.test.texts
    if not judgement.learned:
        tested = (*tested, *judgement.compared.texts)
    none = split.take([])
    return leakage.remove_leaked_rows(split, _texts_split(tested), none).rows


def _read_judgement(
    section: SentenceEmbeddingBenchmark, slice_columns: Sequence[tuple[str, str]]
) -> _Judgement:
    if isinstance(section.source, SyntheticSource):
        if languages := len(list_columns(section.columns.translations)):
            return _generate_bitext(section.source, languages)
        return _generate(section.source)
    if section.judge is None:
        raise ValueError("the section has no judge")
    if section.judge.pairs is not None:
        return _read_pairs(section.judge, section.judge.pairs, slice_columns)
    if section.judge.bitext is not None:
        return _read_bitext(section.columns, section.judge.bitext, slice_columns)
    return _read_queries(section.judge, slice_columns)


def _generate(source: SyntheticSource) -> _Judgement:
    seed = f"{source.data_seed}:test"
    data = synthetic_search.generate_search(source.test_examples, seed)
    grades = [{number: 1} for number in data.relevant]
    test = _judged_split(data.queries, judgement_rows(grades), data.documents)
    return _Judgement(test, _texts_split(data.documents), data.documents)


def _generate_bitext(source: SyntheticSource, languages: int) -> _Judgement:
    seed = f"{source.data_seed}:test"
    texts = list(dict.fromkeys(synthetic_search.generate_texts(source.test_examples, seed)))
    return _bitext_judgement(pair_up(texts, translate_all(texts, languages)))


def _read_queries(judge: Judge, slice_columns: Sequence[tuple[str, str]]) -> _Judgement:
    data = read_judged_queries(judge)
    test = _judged_split(data.queries, judgement_rows(data.grades), data.documents)
    if judge.queries is not None:
        columns = _read_columns(judge.queries, data.rows, slice_columns)
        test = replace(test, columns=columns)
    return _Judgement(test, _texts_split(data.documents), data.documents)


def _read_pairs(judge: Judge, path: Path, slice_columns: Sequence[tuple[str, str]]) -> _Judgement:
    data = read_scored_pairs(judge)
    numbers = Regression()
    scores = numbers.read_targets(data.rows, TargetColumns(), ())
    numbers.check_split(scores, data.rows)
    test = _judged_split(data.first, scores, data.second)
    columns = _read_columns(path, range(len(test)), slice_columns)
    return _Judgement(replace(test, columns=columns), _texts_split(data.second), ())


def _read_bitext(
    columns: SentenceColumns, path: Path, slice_columns: Sequence[tuple[str, str]]
) -> _Judgement:
    if columns.translations is None:
        raise ValueError("the section has no columns of translations")
    bitext = read_bitext(path, columns.text, columns.translations, "benchmark.judge.bitext")
    judgement = _bitext_judgement(bitext)
    values = _read_columns(path, bitext.rows, slice_columns)
    return replace(judgement, test=replace(judgement.test, columns=values))


def _bitext_judgement(bitext: Bitext) -> _Judgement:
    """Return pairs with their targets: the number and place of `Bitext`, and their own number."""
    numbers = range(len(bitext.sources))
    targets = [*zip(bitext.rows, bitext.places, numbers, strict=True)]
    test = _judged_split(bitext.sources, targets, bitext.translations)
    return _Judgement(test, _texts_split(bitext.translations), ())


def _judged_split(
    texts: Sequence[str],
    targets: Sequence[float] | Sequence[tuple[int, ...]],
    compared: Sequence[str],
) -> Split:
    """Return the test rows; their ids also depend on the texts that they are compared with."""
    digest = hashlib.sha256(json.dumps(compared).encode()).hexdigest()
    ids = row_ids(texts, [digest] * len(texts))
    return Split(ids, tuple(texts), None, tuple(targets))


def _read_columns(
    path: Path, numbers: Sequence[int], slice_columns: Sequence[tuple[str, str]]
) -> dict[str, tuple[str | None, ...]]:
    """Read further columns of the judge's rows with these numbers."""
    columns = {}
    for field, name in slice_columns:
        values = rows.extract_optional_texts(file_formats.read_file(path, [name], field), name)
        columns[name] = tuple(values[number] for number in numbers)
    return columns
