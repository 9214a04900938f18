"""Split-conformal intervals and distance from the training images. numpy only.

Conformal: Lei et al., JASA 113:1094, 2018, with residuals divided by the predicted deviation (locally
weighted). Distance: Mahalanobis in the embedding with a shrunk covariance (Lee et al., NeurIPS 2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from inference.mediqa.types import FloatArray

SHRINKAGE = 0.1
TINY = 1e-9
INTERVAL_LEVEL = 0.9  # of the intervals that a model gives unless it is asked for others


def conformal_quantile(scaled_residuals: npt.ArrayLike, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest |y - mean| / std; inf where n is too small for the level.

    90 % needs n >= 9, 95 % needs n >= 19. NaN are left out.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    values = np.sort(np.abs(np.asarray(scaled_residuals, dtype=np.float64)))
    values = values[np.isfinite(values)]
    rank = math.ceil((len(values) + 1) * level - TINY)
    return float(values[rank - 1]) if 1 <= rank <= len(values) else math.inf


def residuals_needed(level: float) -> int:
    """Return how few residuals give a finite ``conformal_quantile``: 9 for 90 %, 19 for 95 %."""
    return math.ceil(level / (1 - level) - TINY)


def interval_factor(scaled_residuals: npt.ArrayLike, level: float) -> float:
    """Return by how many std an interval reaches: conformal where enough is known.

    With too few residuals: the normal quantile, or the largest residual where that is wider.
    """
    normal = NormalDist().inv_cdf(0.5 + level / 2)
    quantile = conformal_quantile(scaled_residuals, level)
    if math.isfinite(quantile):
        return max(quantile, TINY)
    values = np.abs(np.asarray(scaled_residuals, dtype=np.float64))
    values = values[np.isfinite(values)]
    return max(normal, float(values.max())) if len(values) else normal


@dataclass(frozen=True)
class OodStatistics:
    """Where the patches of the training images lie: mean [D], precision [D, D], reference = their 95th percentile.

    D is how many numbers at the head of an embedding are of patches. Older checkpoints took all of them: the slice as a
    whole is measured of every image alike, and hides what nothing like was seen.
    """

    mean: FloatArray
    precision: FloatArray
    reference: float

    @classmethod
    def fit(cls, embeddings: FloatArray) -> OodStatistics:
        """Fit to [n, D], n >= 2."""
        values = np.asarray(embeddings, dtype=np.float64)
        if values.ndim != 2 or len(values) < 2:
            raise ValueError("Statistics need at least two embeddings, [n, D].")
        mean = values.mean(axis=0)
        covariance = np.cov(values, rowvar=False)
        level = float(np.trace(covariance)) / len(mean) + TINY
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * level * np.eye(len(mean))
        precision = np.linalg.inv(shrunk)
        distances = np.sqrt(np.einsum("nd,de,ne->n", values - mean, precision, values - mean))
        reference = float(np.percentile(distances, 95)) or 1.0
        return cls(mean.astype(np.float32), precision.astype(np.float32), reference)

    def distance(self, embeddings: FloatArray) -> FloatArray:
        """Return [n] distances of [n, D or more] embeddings; 1.0 is the 95th percentile of the training images."""
        offset = np.asarray(embeddings, dtype=np.float64)[:, : len(self.mean)] - self.mean
        squared = np.einsum("nd,de,ne->n", offset, self.precision.astype(np.float64), offset)
        relative: FloatArray = (np.sqrt(np.maximum(squared, 0.0)) / self.reference).astype(np.float32)
        return relative

    def to_tensors(self) -> dict[str, FloatArray]:
        """Return the arrays for a checkpoint."""
        return {
            "mean": self.mean,
            "precision": self.precision,
            "reference": np.array([self.reference], dtype=np.float32),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, FloatArray]) -> OodStatistics:
        """Read ``to_tensors``; raises KeyError where one is missing."""
        return cls(tensors["mean"], tensors["precision"], float(tensors["reference"][0]))
