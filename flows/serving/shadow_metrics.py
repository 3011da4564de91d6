"""Metrics of the comparison with a challenger, in the format of Prometheus."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from flows.serving.alias_metrics import AliasMetrics
from flows.serving.metrics import BUCKETS
from flows.serving.model_slot import ServedModel


class ShadowMetrics:
    """Counters of one challenger and its successors.

    Attributes:
        requests: Compared requests, by the challenger's reference.
        texts: Texts in them.
        seconds: Of the challenger's predictions.
        dropped: Requests that were not compared, because too many waited.
        failures: Requests that the challenger could not answer.
        alias: Of the challenger.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """Start at zero.

        Args:
            registry: Of the service's metrics.
        """
        self.requests = Counter(
            "coldpress_shadow_requests", "Requests compared", ["model"], registry=registry
        )
        self.texts = Counter("coldpress_shadow_texts", "Compared", ["model"], registry=registry)
        self.seconds = Histogram(
            "coldpress_shadow_seconds",
            "Seconds of the challenger's predictions",
            buckets=BUCKETS,
            registry=registry,
        )
        self.dropped = Counter("coldpress_shadow_dropped", "Requests left out", registry=registry)
        self.failures = Counter(
            "coldpress_shadow_failures", "Requests that the challenger failed at", registry=registry
        )
        self._agreement = Gauge(
            "coldpress_shadow_agreement",
            "Agreement of champion and challenger, NaN if undefined",
            registry=registry,
        )
        self.alias = AliasMetrics(registry, "coldpress_shadow", "challenger")
        self.show_agreement(None)

    def show_agreement(self, agreement: float | None) -> None:
        """Show the agreement with the present champion."""
        self._agreement.set(math.nan if agreement is None else agreement)

    def count(self, model: ServedModel, texts: int, seconds: float) -> None:
        """Count one compared request.

        Args:
            model: The challenger.
            texts: Number of texts, or of pairs.
            seconds: Of its prediction.
        """
        self.requests.labels(model.reference).inc()
        self.texts.labels(model.reference).inc(texts)
        self.seconds.observe(seconds)
