"""A share of the answered requests also goes to a challenger, whose answers nobody gets."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from typing import Any

from flows.serving.comparison import Comparison
from flows.serving.model_slot import ChallengerSlot
from flows.serving.shadow_metrics import ShadowMetrics
from flows.serving.shadow_queue import AnsweredRequest, ShadowQueue
from tasks.tracking.shadow_record import ShadowRecord

_REFRESH_SECONDS = 1.0
_MOST_FINISHED = 16
"""Records of earlier pairs of models that wait for a registry that does not respond."""
_LOG = logging.getLogger("coldpress.serving")


class Shadow:
    """Compares the answers of a challenger with those that users got.

    The event loop offers requests, and one thread answers them again. That thread alone changes the
    comparison; others read the last record, which is replaced as a whole.

    Attributes:
        slot: The challenger.
        share: Share of the requests, greater than 0 and at most 1.
        metrics: Count comparisons.
        finished: Last records of earlier pairs of models, which may not be logged yet.
        record: Of the present pair; None before its first request.
    """

    def __init__(self, slot: ChallengerSlot, share: float, metrics: ShadowMetrics) -> None:
        """Begin without requests."""
        self.slot = slot
        self.share = share
        self.metrics = metrics
        self.finished: deque[ShadowRecord] = deque(maxlen=_MOST_FINISHED)
        self.record: ShadowRecord | None = None
        self._queue = ShadowQueue()
        self._random = random.Random()  # noqa: S311 - a sample, not a secret
        self._dropped = 0
        self._dropped_before = 0
        self._comparison: Comparison | None = None

    def selects(self) -> bool:
        """Return whether a request goes to the challenger as well; used by the event loop."""
        return self.slot.model is not None and self._random.random() < self.share

    def offer(self, request: AnsweredRequest) -> None:
        """Pass on a request whose answer was sent, or drop it; used by the event loop."""
        if not self._queue.put(request):
            self._dropped += 1
            self.metrics.dropped.inc()

    def run(self, stop: threading.Event) -> None:
        """Answer requests again until `stop` is set."""
        refresh_at = 0.0
        while not stop.is_set():
            request = self._queue.get(_REFRESH_SECONDS)
            if request is not None:
                self._compare(request)
            if time.monotonic() >= refresh_at:
                self._refresh()
                refresh_at = time.monotonic() + _REFRESH_SECONDS
        self._refresh()

    def state(self) -> dict[str, Any]:
        """Describe the challenger and what is known of it."""
        model = self.slot.model
        return {
            "model": model.reference if model else None,
            "digest": model.digest if model else None,
            "since": model.since if model else None,
            "share": self.share,
            "problem": self.slot.problem,
            "compared_with": self.record.champion if self.record else None,
            "metrics": dict(self.record.metrics) if self.record else {},
        }

    def _compare(self, request: AnsweredRequest) -> None:
        challenger = self.slot.model
        if challenger is None or challenger.digest == request.champion.digest:
            return
        comparison = self._comparison
        pair = (request.champion, challenger)
        if comparison is None or (comparison.champion, comparison.challenger) != pair:
            comparison = self._begin(Comparison(*pair))
        try:
            seconds = comparison.add(request)
        except Exception as error:
            comparison.failed += 1
            self.metrics.failures.inc()
            if comparison.failed == 1:  # without the message, which may contain texts
                _LOG.warning("%s fails: %s", challenger.reference, type(error).__name__)
        else:
            self.metrics.count(challenger, len(request.records), seconds)

    def _begin(self, comparison: Comparison) -> Comparison:
        self._refresh()
        if self.record is not None:
            self.finished.append(self.record)
            self.record = None
        self._dropped_before = self._dropped
        self._comparison = comparison
        return comparison

    def _refresh(self) -> None:
        comparison = self._comparison
        if comparison is None:
            return
        self.record = ShadowRecord(
            model=comparison.challenger.name,
            champion=comparison.champion.reference,
            champion_digest=comparison.champion.digest,
            challenger=comparison.challenger.reference,
            challenger_digest=comparison.challenger.digest,
            share=self.share,
            began=comparison.began,
            metrics=comparison.metrics() | {"dropped": float(self._dropped - self._dropped_before)},
        )
        self.metrics.show_agreement(comparison.agreement())
