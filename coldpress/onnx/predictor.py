"""Predictions of an exported model with only numpy, onnxruntime and tokenizers.

This file is copied beside exported models. It imports nothing else from its project, so a copy
works on its own and as the loader module of an MLflow pyfunc.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import os
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

# ONNX Runtime sends telemetry and stores a device id unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY", "").strip() or "1"
# Threads of the caller tokenize texts; each would otherwise start one more for every core.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
import onnxruntime

MAX_TEXTS = 512
MAX_CHARACTERS = 100_000
"""Limits of a request to a server; `Predictor` itself has none."""
ENTITIES = "token-classification"
"""Kind of the models that find entities."""
_OPENING = r"[\"\u201c\u2018(\[{]"
_CLOSING = r"[\"\u201d\u2019)\]}.,!?;:\u2026]"
WORD_RULES = {
    "characters": r"\w+|[^\w\s]",
    # At most ten closing marks, so that the time stays linear.
    "tokens": rf"{_OPENING}(?=\S)|(?:(?!{_CLOSING}{{1,10}}(?:\s|$))\S)+|\S",
}
"""How a text is divided into words, by what the model was trained on. On texts: a word is a run of
word characters, or any other character but space. On given tokens: what stands between spaces,
without the opening marks before and the closing marks after it, each of which is a word."""
_OVERLAP = 0.25
"""Share of the tokens of a window that are in the next one, too, for texts beyond the limit."""
_CHUNK_ROWS = 256
"""Most rows that a thread takes at once, so that there are several of equal length."""
_BATCH_TOKENS = 256
"""Most tokens of a batch: the nodes of small graphs take longer to start than to compute a text."""
_SERVING_VARIABLE = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"
"""MLflow's scoring server sets it to "true" before the first request."""


class Predictor:
    """An exported model. What it answers for a text does not depend on the other texts.

    Texts are read without padding, which changes sums. Texts with equally many tokens share a batch
    if the file says that no bit of their logits changes; otherwise each is read alone, as ranges of
    dynamic quantization depend on the whole batch.

    Attributes:
        labels: Names of the outputs: for a classifier, label names in the order of the logits.
        temperature: Divisor of the logits before softmax or sigmoid; 1 if the graph divides them.
        fitted_temperature: Divisor that was fitted to validation data, of predictor or graph.
        kind: Task of the model, such as `text-classification`.
        activation: Function of the outputs: `softmax` for probabilities of labels of which one
            applies, `sigmoid` for labels of which any number apply, or `none` for a single number
            or a vector.
        thresholds: With `sigmoid`, the probability from which on each label applies.
        operating_points: Labels with a threshold for a stated false-positive rate or precision, for
            callers that want one. Predictions do not depend on them.
        output_size: Length of an output vector.
        returns_vectors: Whether predictions are the output vectors themselves.
        pairs: Whether the model was trained on text pairs; None if the file does not say.
    """

    def __init__(self, directory: Path | str, threads: int = 1) -> None:
        """Load a model.

        Args:
            directory: Folder with `model.onnx` and `tokenizer.json`.
            threads: Number of batches that are read at the same time, each on one thread.

        Raises:
            ValueError: A file of a pulled model differs from its digest.
        """
        if (Path(directory) / "SHA256SUMS").exists():  # a pulled model, completely written
            _verify_digests(Path(directory))
        self._session = open_session(Path(directory) / "model.onnx", 1, shared=threads > 1)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        inputs = [value.name for value in self._session.get_inputs()]
        self._has_types = "token_type_ids" in inputs
        output = self._session.get_outputs()[0]
        self._outputs = [output.name]
        # The session's own `run` checks the inputs in Python, for a tenth of a small graph's time.
        self._runner = getattr(self._session, "_sess", self._session)
        self.output_size = int(output.shape[-1])
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.labels: tuple[str, ...] = tuple(json.loads(metadata["labels"]))
        self.temperature = float(metadata["temperature"])
        self.fitted_temperature = float(metadata.get("fitted_temperature", self.temperature))
        # Files of classifiers name neither kind nor activation.
        self.kind = metadata.get("kind", "text-classification")
        content = (Path(directory) / "tokenizer.json").read_bytes()
        self._tokenizer = _parse_tokenizer(content, overlap=self.kind == ENTITIES)
        limit = self._tokenizer.truncation["max_length"] if self._tokenizer.truncation else 0
        self._ones = np.ones((1, limit), dtype=np.int64)
        self.returns_vectors = self.kind.startswith("sentence-embedding")
        self._word = re.compile(WORD_RULES[metadata.get("words", "characters")])
        self.activation = metadata.get("activation", "softmax")
        self.thresholds: tuple[float, ...] = tuple(
            json.loads(metadata.get("thresholds", json.dumps([0.5] * len(self.labels))))
        )
        self.operating_points: list[dict[str, Any]] = json.loads(
            metadata.get("operating_points", "[]")
        )
        self.pairs: bool | None = json.loads(metadata.get("pairs", "null"))
        self._batches: bool = json.loads(metadata.get("equal_length_batches", "false"))
        # After loading, the allocator holds 3 MB for a 15 MB model, 120 MB more if it was unpacked.
        if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
            libc.malloc_trim(0)

    def predict(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Predict the labels of texts, or a number for each text.

        Args:
            texts: The texts, or the first texts of pairs.
            pairs: The second texts, for a model of text pairs.

        Returns:
            A record per text: the text, its label, the label's probability, and all probabilities;
            or the text, its labels and the probabilities of all labels; or the text and its number
            as `score`; or the text and its entities, each with start and end in characters, its
            text, label and probability; or the text and its `vector`.

        Raises:
            ValueError: A value is not a text, second texts are missing or not allowed, or their
                number differs from that of the first texts.
        """
        if self.pairs is not None and self.pairs is (pairs is None):
            raise ValueError(f"this model answers {'pairs of' if self.pairs else 'single'} texts")
        _check_texts("text", texts)
        if pairs is None and self.kind == ENTITIES:
            return self._map_each(self._entity_record, texts)
        if pairs is None:
            return self._map(self._answer, texts)
        _check_texts("text_pair", pairs)
        if len(pairs) != len(texts):
            raise ValueError(f"text has {len(texts)} rows, but text_pair has {len(pairs)}")
        return self._map(self._answer, list(zip(texts, pairs, strict=True)))

    def rank(self, query: str, documents: Sequence[str]) -> list[dict[str, Any]]:
        """Sort documents by their scores for a query.

        Args:
            query: The query.
            documents: Its documents, in any order.

        Returns:
            A record per document, the best first: its position in `documents` as `index`, the
            document, and its score. Documents with equal scores stay in their order.

        Raises:
            ValueError: The model is not of kind `ranking`, or a value is not a text.
        """
        if self.kind != "ranking":
            raise ValueError(f"this model is of kind {self.kind}; ranking needs kind ranking")
        records = self.predict([query] * len(documents), documents)
        ranked = [
            {"index": index, "document": document, "score": record["score"]}
            for index, (document, record) in enumerate(zip(documents, records, strict=True))
        ]
        return sorted(ranked, key=lambda record: -record["score"])

    def flag_words(self, texts: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Find the words of texts that reach the threshold of an operating point.

        Args:
            texts: The texts.

        Returns:
            For each text a record per word and operating point: start and end in characters, the
            word as `text`, the operating point's label, and as `score` the probability of that
            type, whether the word begins an entity or continues one.

        Raises:
            ValueError: The model does not find entities, or a value is not a text.
        """
        if self.kind != ENTITIES:
            raise ValueError(f"this model is of kind {self.kind}; flags of words need {ENTITIES}")
        _check_texts("text", texts)
        results = self._map_each(self._tag_words, texts)
        return [
            _flag_words(text, words, scores, self.labels, self.operating_points)
            for text, (words, scores) in zip(texts, results, strict=True)
        ]

    def logits(
        self,
        input_ids: NDArray[np.int64],
        attention_mask: NDArray[np.int64],
        token_type_ids: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Run the graph on the rows of a padded batch, each without its padding.

        Args:
            input_ids: Shape (batch, tokens).
            attention_mask: Shape (batch, tokens); 0 at padding, which follows the text.
            token_type_ids: Shape (batch, tokens); ignored by a model without segments.

        Returns:
            Logits of shape (batch, labels), or of every token, shape (batch, tokens, labels), 0 at
            padding; not divided by `temperature`.
        """
        if len(input_ids) == 1 and attention_mask.all():
            return self._run(input_ids, attention_mask, token_type_ids)
        counts = attention_mask.sum(axis=1).tolist()
        batch = (input_ids, attention_mask, token_type_ids)

        def read(rows: Sequence[int]) -> list[NDArray[np.float32]]:
            def select(group: Sequence[int]) -> _Inputs:
                chosen = [rows[place] for place in group]
                ids, mask, types = (values[chosen, : counts[chosen[0]]] for values in batch)
                return ids, mask, types

            return self._read_batches([counts[row] for row in rows], select)

        outputs = self._map(read, range(len(counts)))
        if outputs[0].ndim == 1:
            return np.stack(outputs)
        logits = np.zeros((*input_ids.shape, self.output_size), dtype=np.float32)
        for row, output in zip(logits, outputs, strict=True):
            row[: len(output)] = output
        return logits

    def _map(self, function: Callable[[Any], list[Any]], rows: Sequence[Any]) -> list[Any]:
        """Apply a function to chunks of rows, on several threads if there are; keep the order."""
        if len(rows) < 2:
            return function(rows)
        size = min(_CHUNK_ROWS, math.ceil(len(rows) / self._threads))
        chunks = [rows[first : first + size] for first in range(0, len(rows), size)]
        results = map(function, chunks) if self._pool is None else self._pool.map(function, chunks)
        return list(chain.from_iterable(results))

    def _map_each(self, function: Callable[[str], Any], texts: Sequence[str]) -> list[Any]:
        """Apply a function to each text, in the chunks of `_map`."""
        return self._map(lambda chunk: list(map(function, chunk)), texts)

    def _read_batches(
        self, counts: Sequence[int], select: Callable[[Sequence[int]], _Inputs]
    ) -> list[NDArray[np.float32]]:
        """Run the graph on texts with these numbers of tokens; keep their order.

        `select` returns the graph's inputs for some of the texts, which have equally many tokens.
        """
        logits: list[Any] = [None] * len(counts)
        for group in self._group(counts):
            for place, output in zip(group, self._run(*select(group)), strict=True):
                logits[place] = output
        return logits

    def _group(self, counts: Sequence[int]) -> Iterator[Sequence[int]]:
        """Yield the places of texts that share a batch."""
        if not self._batches:
            yield from ([place] for place in range(len(counts)))
            return
        by_count = sorted(range(len(counts)), key=counts.__getitem__)
        for count, equal in groupby(by_count, key=counts.__getitem__):
            places = list(equal)
            size = max(1, _BATCH_TOKENS // max(1, count))
            yield from (places[first : first + size] for first in range(0, len(places), size))

    def _run(
        self,
        input_ids: NDArray[np.int64],
        attention_mask: NDArray[np.int64],
        token_type_ids: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        feeds = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._has_types:
            feeds["token_type_ids"] = token_type_ids
        logits: NDArray[np.float32] = self._runner.run(self._outputs, feeds, None)[0]
        return logits

    def _answer(self, rows: Sequence[str] | Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return the records of texts or of pairs of texts."""
        if len(rows) == 1:
            return [self._answer_alone(rows[0])]
        logits = self._read(self._tokenizer.encode_batch_fast(list(rows)))
        texts = [row if isinstance(row, str) else row[0] for row in rows]
        return list(map(self._record, texts, logits))

    def _answer_alone(self, row: str | tuple[str, str]) -> dict[str, Any]:
        """Return the record of one text or pair, with as few steps as possible."""
        if isinstance(row, str):
            return self._record(row, self._read_alone(self._tokenizer.encode(row)))
        return self._record(row[0], self._read_alone(self._tokenizer.encode(*row)))

    def _entity_record(self, text: str) -> dict[str, Any]:
        words, scores = self._tag_words(text)
        return {"text": text, "entities": _find_entities(text, words, scores, self.labels)}

    def _read(self, encodings: Sequence[Encoding]) -> list[NDArray[np.float32]]:
        """Return the logits of each text, shape (labels,), or of its tokens, (tokens, labels)."""

        def select(group: Sequence[int]) -> _Inputs:
            chosen = [encodings[place] for place in group]
            ids = np.array([encoding.ids for encoding in chosen], dtype=np.int64)
            types = [encoding.type_ids for encoding in chosen] if self._has_types else ids
            return ids, np.ones_like(ids), np.asarray(types, dtype=np.int64)

        return self._read_batches([len(encoding) for encoding in encodings], select)

    def _read_alone(self, encoding: Encoding) -> NDArray[np.float32]:
        """Return the logits of one text."""
        ids = np.array([encoding.ids], dtype=np.int64)
        count = ids.shape[1]
        mask = self._ones[:, :count] if count <= self._ones.shape[1] else np.ones_like(ids)
        types = np.array([encoding.type_ids], dtype=np.int64) if self._has_types else ids
        logits: NDArray[np.float32] = self._run(ids, mask, types)[0]
        return logits

    def _tag_words(self, text: str) -> tuple[_Words, _Scores]:
        """Return the words of a text, which may exceed the limit, and their tags' probabilities."""
        encoding = self._tokenizer.encode(text)
        words = [match.span() for match in self._word.finditer(text)]
        windows = [
            _score_words(window, self._tag_scores(window), words, number > 0)
            for number, window in enumerate([encoding, *encoding.overflowing])
        ]
        return words, _join_windows(windows, self.labels)

    def _tag_scores(self, window: Encoding) -> NDArray[np.float64]:
        """Return the probabilities of the tags of tokens, shape (tokens, labels)."""
        return softmax(self._read_alone(window).astype(np.float64) / self.temperature)

    def _record(self, text: str, logits: NDArray[np.float32]) -> dict[str, Any]:
        if self.returns_vectors:
            # float32 has seven digits. In float64 their product with a power of ten is exact.
            vector = np.round(logits.astype(np.float64) / self.temperature, 7)
            return {"text": text, "vector": vector.tolist()}
        # Plain Python: the graph has displaced numpy's functions from the processor's cache, and
        # a few numbers would wait for them longer than for all else here.
        values = logits.tolist()
        if self.activation == "none":
            return {"text": text, "score": values[0] / self.temperature}
        if self.activation == "sigmoid":
            return {"text": text, **self._labels_from(values)}
        return {"text": text, **self._label_from(values)}

    def _label_from(self, logits: Sequence[float]) -> dict[str, Any]:
        """Return the most probable label, its probability, and those of all labels."""
        largest = max(logits)
        powers = [math.exp((logit - largest) / self.temperature) for logit in logits]
        total = sum(powers)
        scores = [power / total for power in powers]
        best = logits.index(largest)
        return {"label": self.labels[best], "score": scores[best], "scores": self._by_label(scores)}

    def _labels_from(self, logits: Sequence[float]) -> dict[str, Any]:
        """Return the labels whose probabilities reach their thresholds, and all probabilities."""
        # exp would overflow.
        scores = [0.5 + 0.5 * math.tanh(0.5 * logit / self.temperature) for logit in logits]
        limits = zip(self.labels, scores, self.thresholds, strict=True)
        labels = [label for label, score, threshold in limits if score >= threshold]
        return {"labels": labels, "scores": self._by_label(scores)}

    def _by_label(self, scores: Sequence[float]) -> dict[str, float]:
        return dict(zip(self.labels, scores, strict=True))


def open_session(
    model: Path | bytes, threads: int, *, shared: bool = False
) -> onnxruntime.InferenceSession:
    """Load a graph on the CPU.

    Args:
        model: The ONNX file, or its bytes.
        threads: Intra-op threads.
        shared: Whether several Python threads run the session at the same time.

    Returns:
        A session that runs nodes sequentially.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena reuses memory, up to 7 % faster, but its lock lets threads run one after another.
    options.enable_cpu_mem_arena = not shared
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert logits to probabilities.

    Args:
        logits: Shape (rows, labels).

    Returns:
        Shape (rows, labels); every row sums to 1.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return scores


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert each logit to the probability of its label.

    Args:
        logits: Shape (rows, labels).

    Returns:
        Shape (rows, labels), from 0 to 1.
    """
    scores: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * logits)  # exp would overflow
    return scores


_Inputs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Token ids, attention mask and segment ids, each of shape (batch, tokens)."""

_Words = list[tuple[int, int]]
"""Start and end of the words of a text, in characters."""

_Scores = dict[int, NDArray[np.float64]]
"""Probabilities of the tags of words, by the words' numbers."""


@lru_cache(maxsize=1)
def _parse_tokenizer(content: bytes, overlap: bool) -> Tokenizer:
    """Parse a tokenizer; the next model with the same one shares it.

    Parsing stops all threads of the process, 40 ms for a vocabulary of 30,000 tokens. Without the
    cache, a service would answer nothing in this time when another version takes over.

    Args:
        content: Of `tokenizer.json`.
        overlap: Read a text beyond the limit in windows that overlap.
    """
    tokenizer = Tokenizer.from_buffer(content)
    tokenizer.no_padding()
    if overlap and tokenizer.truncation:
        limit = tokenizer.truncation["max_length"]
        tokenizer.enable_truncation(limit, stride=int(limit * _OVERLAP))
    return tokenizer


def _score_words(
    encoding: Encoding, scores: NDArray[np.float64], words: Sequence[tuple[int, int]], later: bool
) -> _Scores:
    """Return the scores of the words' first tokens in a window; a later one may begin in a word."""
    tokens = [(i, start, end) for i, (start, end) in enumerate(encoding.offsets) if end > start]
    found: _Scores = {}
    if not tokens:
        return found
    first = bisect_left(words, (tokens[0][1], 0)) if later else 0
    place = 0
    for number in range(first, len(words)):
        start, stop = words[number]
        while place < len(tokens) and tokens[place][2] <= start:
            place += 1
        if place == len(tokens):
            break
        if tokens[place][1] < stop:
            found[number] = scores[tokens[place][0]]
    return found


def _join_windows(windows: Sequence[_Scores], labels: Sequence[str]) -> _Scores:
    """Take each word from one window; a text's windows meet where no entity continues."""
    joined = windows[0]
    for window in filter(None, windows[1:]):
        shared = sorted(joined.keys() & window.keys())
        middle = shared[len(shared) // 2] if shared else min(window)
        free = [
            word
            for word in shared
            if not any(_tag(side[word], labels).startswith("I-") for side in (joined, window))
        ]
        seam = min(free, key=lambda word: abs(word - middle), default=middle)
        before = {word: scores for word, scores in joined.items() if word < seam}
        joined = before | {word: scores for word, scores in window.items() if word >= seam}
    return joined


def _find_entities(
    text: str, words: Sequence[tuple[int, int]], scores: _Scores, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the entities: B begins one, and I continues one of its type or begins one."""
    members: list[tuple[str, list[int]]] = []
    last = ""
    for number in range(len(words)):
        tag = _tag(scores[number], labels) if number in scores else "O"
        if tag.startswith("I-") and last[2:] == tag[2:]:
            members[-1][1].append(number)
        elif tag != "O":
            members.append((tag[2:], [number]))
        last = tag
    entities = []
    for label, numbers in members:
        start, end = words[numbers[0]][0], words[numbers[-1]][1]
        score = float(np.mean([scores[number].max() for number in numbers]))
        entity = {"start": start, "end": end, "text": text[start:end], "label": label}
        entities.append({**entity, "score": score})
    return entities


def _flag_words(
    text: str,
    words: _Words,
    scores: _Scores,
    labels: Sequence[str],
    points: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return the words whose probability of a type reaches the threshold of its operating point."""
    columns = [[i for i, tag in enumerate(labels) if tag[2:] == p["label"]] for p in points]
    flags = []
    for number, (start, end) in enumerate(words):
        for point, tags in zip(points, columns, strict=True):
            score = float(scores[number][tags].sum()) if number in scores else 0.0
            if score >= point["threshold"]:
                word = {"start": start, "end": end, "text": text[start:end]}
                flags.append({**word, "label": point["label"], "score": score})
    return flags


def _tag(scores: NDArray[np.float64], labels: Sequence[str]) -> str:
    return labels[int(scores.argmax())]


def _verify_digests(directory: Path) -> None:
    """Raise an error if a file differs from its digest in the manifest."""
    manifest = json.loads((directory / "coldpress.json").read_bytes())
    for name, digest in manifest["files"].items():
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{directory / name} is not the file that was written")


def _check_texts(name: str, texts: Sequence[str]) -> None:
    """Raise an error that names the column and row of the first value that is not a text."""
    if isinstance(texts, str):
        raise ValueError(f"{name} must be a list of texts, not a single text")
    for row, text in enumerate(texts):
        if not (isinstance(text, str) and text.isascii()) and (error := _text_error(text)):
            raise ValueError(f"{name}[{row}] {error}")


def _text_error(text: object) -> str | None:
    if isinstance(text, str):
        lone = any("\ud800" <= character <= "\udfff" for character in text)
        return "contains a lone surrogate" if lone else None
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return "is null"
    return f"is {type(text).__name__}, not text"


class _PyfuncModel:
    """The model interface that MLflow calls."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(
        self,
        model_input: Any,  # noqa: ANN401
        params: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> list[dict[str, Any]]:
        """Predict a data frame or mapping with a column `text`, or a list of texts or records."""
        try:
            texts, pairs = _text_columns(model_input)
            if os.environ.get(_SERVING_VARIABLE) == "true":
                _check_request(texts, pairs or ())
            return self._predictor.predict(texts, pairs)
        except ValueError as error:
            raise _bad_request(str(error)) from error


def _load_pyfunc(data_path: str) -> _PyfuncModel:
    """Load the model; `mlflow.pyfunc` calls a function of this name."""
    _verify_digests(Path(data_path))
    return _PyfuncModel(Predictor(data_path))


def _text_columns(model_input: Any) -> tuple[list[Any], list[Any] | None]:  # noqa: ANN401
    """Return first and second texts from any of MLflow's input formats."""
    if isinstance(model_input, list | np.ndarray):
        rows = _to_list(model_input)
        if not any(isinstance(row, Mapping) for row in rows):
            return rows, None
        model_input = _from_records(rows)
    if "text" not in model_input:
        raise ValueError("no column named text")
    pairs = model_input.get("text_pair")
    return _to_list(model_input["text"]), None if pairs is None else _to_list(pairs)


def _from_records(records: list[Any]) -> dict[str, list[Any]]:
    """Convert records to columns, with None for fields that a record lacks."""
    if not all(isinstance(record, Mapping) for record in records):
        raise ValueError("the rows are neither all texts nor all records")
    names = {name: None for record in records for name in record}
    return {name: [record.get(name) for record in records] for name in names}


def _to_list(column: Any) -> list[Any]:  # noqa: ANN401
    """Convert to Python values, since MLflow passes arrays for columns and for single texts."""
    values = np.atleast_1d(np.asarray(column, dtype=object)).tolist()
    return [v.item() if isinstance(v, np.ndarray) and not v.ndim else v for v in values]


def _check_request(texts: Sequence[Any], pairs: Sequence[Any]) -> None:
    if not texts:
        raise ValueError("no texts")
    if len(texts) > MAX_TEXTS:
        raise ValueError(f"{len(texts)} texts; a request may have {MAX_TEXTS}")
    for name, column in (("text", texts), ("text_pair", pairs)):
        for row, text in enumerate(column):
            if isinstance(text, str) and len(text) > MAX_CHARACTERS:
                raise ValueError(f"{name}[{row}] has more than {MAX_CHARACTERS} characters")


def _bad_request(message: str) -> Exception:
    """Return the error for which MLflow's server sends status 400 and only this message."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import BAD_REQUEST

    class BadRequest(MlflowException):
        def serialize_as_json(self) -> str:
            # Not self.message, to which the server has prepended the whole request.
            return json.dumps({"error_code": self.error_code, "message": message})

    return BadRequest(message, error_code=BAD_REQUEST)
