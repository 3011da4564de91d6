"""What evaluation says of the deployable model as it is served, in the names of the report."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord


class PredictionChange(FrozenRecord):
    """How far answers moved although the texts stayed the same.

    Attributes:
        largest_logit: Largest absolute change of any logit.
        labels: Share of rows whose label changed.
    """

    largest_logit: float
    labels: Fraction


class Invariance(FrozenRecord):
    """The same texts alone, one thread, against other ways of asking.

    Attributes:
        rows: Texts compared.
        batch: Against a batch of texts of other lengths.
        padding: Against the text alone, padded to the longest.
        threads: Against more threads.
    """

    rows: int
    batch: PredictionChange
    padding: PredictionChange
    threads: PredictionChange


class Serving(FrozenRecord):
    """What it costs to answer with the deployable model in a process of its own.

    Attributes:
        throughput: Texts a second at the best batch size, tokenization included.
        throughput_batch: That batch size.
        cold_start_ms: From process start to the first answer.
        peak_memory_bytes: Resident, of that process, when it has answered.
        price_per_core_hour: As the recipe states it.
        cost_per_million: Of a million texts at the best throughput, in the price's currency.
        joules_per_text: Measured by the processor's own counter; None where it exposes none.
    """

    throughput: float
    throughput_batch: int
    cold_start_ms: float
    peak_memory_bytes: int
    price_per_core_hour: float
    cost_per_million: float
    joules_per_text: float | None
