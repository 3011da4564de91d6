"""Calibration: confidence against accuracy, and temperature scaling.

Guo et al., "On Calibration of Modern Neural Networks", 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

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
        labels: Shape (rows,).

    Returns:
        The bins by ascending confidence, without empty ones.
    """
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    correct = logits.argmax(axis=1) == labels
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
        labels: Shape (rows,).

    Returns:
        A fraction; 0 for a perfectly calibrated model.
    """
    bins = reliability_bins(logits, labels)
    gaps = [bin_.n * abs(bin_.confidence - bin_.accuracy) for bin_ in bins]
    return sum(gaps) / len(labels)


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float) -> float:
    """Mean negative log-likelihood of the labels, in nats.

    Args:
        logits: Shape (rows, labels).
        labels: Shape (rows,).
        temperature: Divisor of the logits.

    Returns:
        At least 0.
    """
    scaled = logits.astype(np.float64) / temperature
    true_logits = np.take_along_axis(scaled, labels[:, None], axis=1)[:, 0]
    return float((logsumexp(scaled, axis=1) - true_logits).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Find the temperature that maximizes the likelihood of the labels (section 4.2).

    The log-likelihood is concave in 1 / T, so it has one maximum over log T. If every row is
    predicted correctly there is none (the lower, the better), and the temperature stays 1.

    Args:
        logits: Shape (rows, labels).
        labels: Shape (rows,), of rows that the model was not trained on.

    Returns:
        From 0.05 to 20, rounded to four significant digits; 1 unless the result is better than 1.
    """
    true_logits = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    if (true_logits == logits.max(axis=1)).all():
        return 1.0
    optimum = minimize_scalar(
        lambda log: negative_log_likelihood(logits, labels, math.exp(log)),
        bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)),
        method="bounded",
    )
    temperature = float(f"{math.exp(optimum.x):.4g}")
    loss = negative_log_likelihood(logits, labels, temperature)
    return temperature if loss < negative_log_likelihood(logits, labels, 1.0) else 1.0
