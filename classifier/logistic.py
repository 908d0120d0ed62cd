"""Logistic regression that learns one mail at a time, with a rate of its own for each coordinate (AdaGrad)."""

import math

import numpy as np
from numpy.typing import NDArray

from classifier.features import Indices

Weights = NDArray[np.float32]
DAMPING = np.float32(0.1)
CERTAIN = 1e-3  # what is as sure as that teaches nothing
STEEPEST = 30.0  # log-odds


def log_odds(weights: Weights, indices: Indices) -> float:
    """The sum of the weights of what a mail has."""
    return float(weights.take(indices).sum(dtype=np.float64))


def chance(odds: float) -> float:
    """Log-odds as a probability."""
    return 1.0 / (1.0 + math.exp(-max(-STEEPEST, min(STEEPEST, odds))))


def learn(weights: Weights, squares: Weights, indices: Indices, odds: float, is_spam: bool, rate: float) -> None:
    """One step towards the label. `odds`: what was thought before, `squares`: the sums of the squared steps so far."""
    slope = float(is_spam) - chance(odds)
    if abs(slope) < CERTAIN:
        return
    places = indices.astype(np.intp)  # what numpy would make of them four times
    seen = squares.take(places) + np.float32(slope * slope)
    squares[places] = seen
    weights[places] = weights.take(places) + np.float32(rate * slope) / np.sqrt(seen + DAMPING)
