"""Records of the deployable model in service; field names are those of the JSON report."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord


class PredictionChange(FrozenRecord):
    """Change of the predictions for the same texts.

    Attributes:
        largest_logit: Largest absolute change of any output: for regression, in units of the score.
        labels: Share of rows whose predicted labels changed; None for kinds without labels.
    """

    largest_logit: float
    labels: Fraction | None


class Invariance(FrozenRecord):
    """The predictor's answers to texts one by one on one thread, compared with other settings.

    Attributes:
        rows: Number of texts.
        batch: In a batch with texts of other lengths.
        padding: One by one, padded to the longest text.
        threads: Several texts at the same time.
    """

    rows: int
    batch: PredictionChange
    padding: PredictionChange
    threads: PredictionChange


class Serving(FrozenRecord):
    """Cost of serving the deployable model in a separate process.

    Attributes:
        throughput: Texts per second on one thread, tokenization included.
        throughput_batch: Number of texts in each request.
        cold_start_ms: From process start to the first prediction.
        peak_memory_bytes: Peak resident memory of the process.
        price_per_core_hour: From the recipe.
        cost_per_million: Cost of a million texts at this throughput, in the price's currency.
        joules_per_text: From the processor's energy counter; None without a counter.
    """

    throughput: float
    throughput_batch: int
    cold_start_ms: float
    peak_memory_bytes: int
    price_per_core_hour: float
    cost_per_million: float
    joules_per_text: float | None
