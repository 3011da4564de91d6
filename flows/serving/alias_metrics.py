"""Metrics of an alias that the service follows, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from flows.serving.model_slot import ServedModel


class AliasMetrics:
    """Metrics of the model that an alias names.

    Attributes:
        swaps: Exchanges of the model.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str, role: str) -> None:
        """Start without a model.

        Args:
            registry: Of the service's metrics.
            prefix: Of the metrics' names.
            role: Of the model, in the metrics' descriptions.
        """
        self.swaps = Counter(f"{prefix}_swaps", f"Exchanges of the {role}", registry=registry)
        self._model = Gauge(
            f"{prefix}_model",
            f"1 for the {role} in use",
            ["name", "version", "digest"],
            registry=registry,
        )
        self._problem = Gauge(
            f"{prefix}_problem",
            f"1 if the alias of the {role} cannot be followed",
            registry=registry,
        )

    def show_model(self, model: ServedModel) -> None:
        """Show which model is in use."""
        self._model.clear()
        version = "" if model.version is None else str(model.version)
        self._model.labels(model.name, version, model.digest).set(1)

    def show_problem(self, problem: str | None) -> None:
        """Show whether the alias is followed."""
        self._problem.set(1 if problem else 0)
