"""Predictive distributions on a bounded, stepped scale. numpy and scipy only.

A score is taken as a normal value cut to the scale (the rectified normal of the Tobit model: Tobin,
Econometrica 26:24, 1958): what lies beyond an end is said at the end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from inference.mediqa.types import DoubleArray, Scale

TINY = 1e-9


def rectified_moments(mean: npt.ArrayLike, std: npt.ArrayLike, scale: Scale) -> tuple[DoubleArray, DoubleArray]:
    """Return mean and std of clip(N(mean, std^2), minimum, maximum), [n] each, in the Criterion's units."""
    centre, spread = np.asarray(mean, dtype=np.float64), np.maximum(np.asarray(std, dtype=np.float64), TINY)
    low, high = (scale.minimum - centre) / spread, (scale.maximum - centre) / spread
    below, above = ndtr(low), ndtr(-high)
    inside = 1.0 - below - above
    at_low, at_high = _density(low), _density(high)
    first = below * low + above * high + (at_low - at_high)
    second = below * low**2 + above * high**2 + inside + _times(low, at_low) - _times(high, at_high)
    moment = np.clip(centre + spread * first, scale.minimum, scale.maximum)
    return moment, spread * np.sqrt(np.maximum(second - first**2, 0.0))


def level_probabilities(mean: npt.ArrayLike, std: npt.ArrayLike, levels: npt.ArrayLike) -> DoubleArray:
    """Return the probability of each level of a stepped scale: [n], [n] and ascending [L] -> [n, L].

    A level holds what rounds to it; the outer ones hold all beyond. Rows sum to 1. Raises ValueError for levels
    that do not ascend.
    """
    steps = np.asarray(levels, dtype=np.float64)
    if steps.ndim != 1 or len(steps) < 1 or (np.diff(steps) <= 0).any():
        raise ValueError("levels must ascend.")
    centre = np.atleast_1d(np.asarray(mean, dtype=np.float64))[:, None]
    spread = np.maximum(np.atleast_1d(np.asarray(std, dtype=np.float64)), TINY)[:, None]
    borders = (steps[1:] + steps[:-1]) / 2
    cumulated = ndtr((borders[None] - centre) / spread)  # [n, L - 1]
    full = np.hstack([np.zeros((len(centre), 1)), cumulated, np.ones((len(centre), 1))])
    result: DoubleArray = np.diff(full, axis=1)
    return result


def _density(value: DoubleArray) -> DoubleArray:
    """Density of the standard normal law."""
    result: DoubleArray = np.exp(-(value**2) / 2) / np.sqrt(2 * np.pi)
    return result


def _times(value: DoubleArray, density: DoubleArray) -> DoubleArray:
    """value * density, 0 where the density has vanished (value may be huge there)."""
    return np.where(density > 0, value * density, 0.0)
