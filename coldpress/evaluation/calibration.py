"""Does the model know when it is right: confidence against accuracy, and the temperature.

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
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
"""Temperatures looked at: what lies outside turns any answer into certainty, or into none."""

Logits = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]


def reliability_bins(logits: Logits, labels: Labels) -> tuple[ReliabilityBin, ...]:
    """Sort answers by their confidence, and count how often they were right.

    Bins are the intervals (0, 1/15], (1/15, 2/15], ..., section 2 of the paper.

    Args:
        logits: Shape (rows, labels), divided by the temperature if there is one.
        labels: Shape (rows,).

    Returns:
        The bins from unsure to sure; empty ones are left out.
    """
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    right = logits.argmax(axis=1) == labels
    places = np.clip(np.ceil(confidence * BINS).astype(np.int64), 1, BINS)
    chosen = [places == place for place in range(1, BINS + 1)]
    return tuple(
        ReliabilityBin(
            n=int(rows.sum()),
            confidence=min(float(confidence[rows].mean()), 1.0),
            accuracy=float(right[rows].mean()),
        )
        for rows in chosen
        if rows.any()
    )


def calibration_error(logits: Logits, labels: Labels) -> float:
    """Expected calibration error: how far confidence is from accuracy, over bins of confidence.

    Equation 3 of the paper.

    Args:
        logits: Shape (rows, labels), divided by the temperature if there is one.
        labels: Shape (rows,).

    Returns:
        A fraction; 0 is a model that is right as often as it says.
    """
    gaps = [one.n * abs(one.confidence - one.accuracy) for one in reliability_bins(logits, labels)]
    return sum(gaps) / len(labels)


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float) -> float:
    """Mean surprise at the labels, in nats.

    Args:
        logits: Shape (rows, labels).
        labels: Shape (rows,).
        temperature: What the logits are divided by.

    Returns:
        At least 0.
    """
    divided = logits.astype(np.float64) / temperature
    given = np.take_along_axis(divided, labels[:, None], axis=1)[:, 0]
    return float((logsumexp(divided, axis=1) - given).mean())


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Find the temperature under which the labels are least surprising (section 4.2).

    The likelihood is concave in 1 / T, so that it has one maximum over log T. It has none where no
    row is answered wrongly: the colder, the better, and the rows say nothing about how sure to be.

    Args:
        logits: Shape (rows, labels).
        labels: Shape (rows,); rows that the model was not trained on.

    Returns:
        From 0.05 to 20, to four significant digits, and never worse than 1.
    """
    given = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    if (given == logits.max(axis=1)).all():
        return 1.0
    found = minimize_scalar(
        lambda log: negative_log_likelihood(logits, labels, math.exp(log)),
        bounds=(math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE)),
        method="bounded",
    )
    fitted = float(f"{math.exp(found.x):.4g}")
    surprise = negative_log_likelihood(logits, labels, fitted)
    return fitted if surprise < negative_log_likelihood(logits, labels, 1.0) else 1.0
