"""Comparison of a champion and a challenger on the requests that both have answered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flows.serving.agreement import new_agreement
from flows.serving.model_slot import ServedModel
from flows.serving.recent_pairs import RecentPairs
from flows.serving.shadow_queue import AnsweredRequest


class Comparison:
    """What two models did; used by one thread.

    Attributes:
        champion: The model whose answers users got.
        challenger: The model that answered the same texts afterwards.
        began: When, in seconds since 1970.
        requests: Number of compared requests.
        texts: Number of texts in them.
        failed: Requests that the challenger could not answer.
    """

    def __init__(self, champion: ServedModel, challenger: ServedModel) -> None:
        """Begin without requests."""
        self.champion = champion
        self.challenger = challenger
        self.began = time.time()
        self.requests = 0
        self.texts = 0
        self.failed = 0
        self._agreement = new_agreement(champion.predictor)
        self._seconds = RecentPairs()

    def add(self, request: AnsweredRequest) -> float:
        """Ask the challenger, text by text, and compare its answers.

        Args:
            request: Answered by the champion.

        Returns:
            Seconds of the challenger's prediction.

        Raises:
            Exception: The challenger cannot answer.
        """
        began = time.perf_counter()
        records = _predict(self.challenger, request.texts, request.pairs)
        seconds = time.perf_counter() - began
        self._agreement.add(_in_order(request), records)
        self.requests += 1
        self.texts += len(records)
        if len(records) == 1:  # the champion reads several texts at the same time
            self._seconds.add(request.seconds, seconds)
        return seconds

    def agreement(self) -> float | None:
        """Return the agreement of the answers; None as long as it is undefined."""
        return self._agreement.value()

    def metrics(self) -> dict[str, float]:
        """Return counts, agreement and percentiles of the time for a text, in milliseconds."""
        counts = {"requests": self.requests, "texts": self.texts, "failed": self.failed}
        metrics = {name: float(value) for name, value in counts.items()}
        agreement = self.agreement()
        if agreement is not None:
            metrics["agreement"] = agreement
        milliseconds = 1000 * self._seconds.values()
        if len(milliseconds):
            for percent in (50, 99):
                champion, challenger = np.percentile(milliseconds, percent, axis=0).tolist()
                metrics[f"champion_p{percent}_ms"] = champion
                metrics[f"challenger_p{percent}_ms"] = challenger
        return metrics


def _predict(
    model: ServedModel, texts: Sequence[str], pairs: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Predict for one text after the other, so that only this thread is busy."""
    predict = model.predictor.predict
    if pairs is None:
        return [predict([text])[0] for text in texts]
    queries = list(texts) * len(pairs) if len(texts) == 1 else texts
    return [predict([text], [pair])[0] for text, pair in zip(queries, pairs, strict=True)]


def _in_order(request: AnsweredRequest) -> Sequence[Mapping[str, Any]]:
    """Return the champion's answers in the order of the texts; a ranking is sorted by score."""
    if not request.records or "index" not in request.records[0]:
        return request.records
    by_index = sorted(request.records, key=lambda record: int(record["index"]))
    return [{"text": request.texts[0], "score": record["score"]} for record in by_index]
