"""Calibration: confidence against accuracy, and temperature scaling.

Guo et al., "On Calibration of Modern Neural Networks", 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp, softmax

from coldpress.evaluation.scorecard.scorecard import ReliabilityBin

BINS = 15
MIN_TEMPERATURE = 0.05
MAX_TEMPERATURE = 20.0
"""Search range: temperatures outside make every prediction certain, or uniform."""

Logits = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]


def reliability_bins(logits: Logits, labels: Labels) -> tuple[ReliabilityBin, ...]:
    """Group predictions by confidence and compute the accuracy of each group.

    Bins are the intervals (0, 1/15], (1/15, 2/15], ..., section 2 of the paper.

    Args:
        logits: Shape (rows, labels), divided by the temperature.
        labels: Label indices of shape (rows,); or 0 or 1 for every label, shape (rows, labels). For
            the latter, each label of a row is an event of its own: confidence is the probability
            that the label applies, and accuracy the share of rows that have it.

    Returns:
        The bins by ascending confidence, without empty ones.
    """
    confidence, correct = _events(logits.astype(np.float64), labels)
    bin_numbers = np.clip(np.ceil(confidence * BINS).astype(np.int64), 1, BINS)
    masks = [bin_numbers == number for number in range(1, BINS + 1)]
    return tuple(
        ReliabilityBin(
            n=int(rows.sum()),
            confidence=min(float(confidence[rows].mean()), 1.0),
            accuracy=float(correct[rows].mean()),
        )
        for rows in masks
        if rows.any()
    )


def calibration_error(logits: Logits, labels: Labels) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over the bins.

    Equation 3 of the paper.

    Args:
        logits: Shape (rows, labels), divided by the temperature.
        labels: As for `reliability_bins`.

    Returns:
        A fraction; 0 for a perfectly calibrated model.
    """
    bins = reliability_bins(logits, labels)
    gaps = [bin_.n * abs(bin_.confidence - bin_.accuracy) for bin_ in bins]
    return sum(gaps) / labels.size


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float) -> float:
    """Mean negative log-likelihood of the labels, in nats.

    Args:
        logits: Shape (rows, labels).
        labels: As for `reliability_bins`.
        temperature: Divisor of the logits.

    Returns:
        At least 0; of independent labels, the mean over labels, too.
    """
    scaled = logits.astype(np.float64) / temperature
    if labels.ndim == 2:
        return float((np.logaddexp(0, scaled) - labels * scaled).mean())
    true_logits = np.take_along_axis(scaled, labels[:, None], axis=1)[:, 0]
    return float((logsumexp(scaled, axis=1) - true_logits).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Find the temperature that maximizes the likelihood of the labels (section 4.2).

    The log-likelihood is concave in 1 / T, so it has one maximum over log T. If every row is
    predicted correctly there is none (the lower, the better), and the temperature stays 1.

    Args:
        logits: Shape (rows, labels).
        labels: As for `reliability_bins`, of rows that the model was not trained on.

    Returns:
        From 0.05 to 20, rounded to four significant digits; 1 unless the result is better than 1.
    """
    if _all_correct(logits, labels):
        return 1.0
    optimum = minimize_scalar(
        lambda log: negative_log_likelihood(logits, labels, math.exp(log)),
        bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)),
        method="bounded",
    )
    temperature = float(f"{math.exp(optimum.x):.4g}")
    loss = negative_log_likelihood(logits, labels, temperature)
    return temperature if loss < negative_log_likelihood(logits, labels, 1.0) else 1.0


def _events(
    logits: NDArray[np.float64], labels: Labels
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence in each event, and whether it is true: both of shape (events,)."""
    if labels.ndim == 2:
        return expit(logits).reshape(-1), labels.reshape(-1) == 1
    return softmax(logits, axis=1).max(axis=1), logits.argmax(axis=1) == labels


def _all_correct(logits: Logits, labels: Labels) -> bool:
    if labels.ndim == 2:
        return bool(((logits > 0) == labels).all())
    true_logits = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return bool((true_logits == logits.max(axis=1)).all())
