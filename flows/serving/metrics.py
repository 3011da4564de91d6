"""Metrics of the service, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from flows.serving.alias_metrics import AliasMetrics
from flows.serving.model_slot import ServedModel

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Of the histograms, in seconds."""


class Metrics:
    """Counters of one service.

    Attributes:
        registry: Of all metrics of the service.
        requests: Predictions that were answered, by the model's reference.
        texts: Texts in them.
        seconds: From the beginning of a request to its answer.
        rejections: Requests that were refused, by status.
        running: Predictions that are read, wait or are computed.
        alias: Of the model in use.
    """

    def __init__(self, model: ServedModel) -> None:
        """Start at zero.

        Args:
            model: The first model in use.
        """
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "coldpress_requests", "Predictions answered", ["model"], registry=self.registry
        )
        self.texts = Counter(
            "coldpress_texts", "Texts predicted for", ["model"], registry=self.registry
        )
        self.seconds = Histogram(
            "coldpress_request_seconds",
            "Seconds from request to answer",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.rejections = Counter(
            "coldpress_rejections", "Requests refused", ["status"], registry=self.registry
        )
        self.running = Gauge(
            "coldpress_requests_running", "Predictions not yet answered", registry=self.registry
        )
        self.alias = AliasMetrics(self.registry, "coldpress", "model")
        self.alias.show_model(model)

    def count(self, model: ServedModel, texts: int, seconds: float) -> None:
        """Count one answered request.

        Args:
            model: The model that answered.
            texts: Number of texts, or of pairs.
            seconds: From its beginning to its answer.
        """
        self.requests.labels(model.reference).inc()
        self.texts.labels(model.reference).inc(texts)
        self.seconds.observe(seconds)

    def exposition(self) -> bytes:
        """Return all metrics as text."""
        return generate_latest(self.registry)
