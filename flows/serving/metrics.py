"""Metrics of the service, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
        swaps: Exchanges of the model in use.
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
        self.swaps = Counter("coldpress_swaps", "Models exchanged", registry=self.registry)
        self._model = Gauge(
            "coldpress_model",
            "1 for the model in use",
            ["name", "version", "digest"],
            registry=self.registry,
        )
        self._problem = Gauge(
            "coldpress_problem",
            "1 if the alias cannot be followed",
            registry=self.registry,
        )
        self.show_model(model)

    def show_model(self, model: ServedModel) -> None:
        """Show which model is in use."""
        self._model.clear()
        version = "" if model.version is None else str(model.version)
        self._model.labels(model.name, version, model.digest).set(1)

    def show_problem(self, problem: str | None) -> None:
        """Show whether the alias is followed."""
        self._problem.set(1 if problem else 0)

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
