"""How far an image lies from those that heads were fitted to. numpy only.

The squared distance of two images is -2 log k of the prompt kernel at length 1: how far their embeddings lie apart,
and more where their prompts differ, a modality above all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.mediqa.kernels import Points, PromptKernel, squared_distances
from inference.mediqa.types import DoubleArray, FloatArray

KERNEL = PromptKernel(1.0, (0.1, 0.9, 0.3, 0.3))  # dimension, modality, region, type
PERCENTILE = 95
LEAST = 1e-6


@dataclass(frozen=True)
class Strangeness:
    """reference: the 95th percentile of the distance from a training image to the nearest of another group."""

    reference: float

    @classmethod
    def fit(cls, points: Points, others: Points, is_same: npt.NDArray[np.bool_]) -> Strangeness:
        """Fit to n training images and m of them that are kept; is_same [n, m]: of one group, not to be compared."""
        squared = np.where(is_same, np.inf, _squared(points, others)).min(axis=1, initial=np.inf)
        known = squared[np.isfinite(squared)]
        return cls(max(float(np.sqrt(np.percentile(known, PERCENTILE))), LEAST) if len(known) else 1.0)

    def distance(self, points: Points, others: Points) -> FloatArray:
        """Return [n] distances to the nearest of the kept; 1.0 is what 5 % of new groups reach."""
        nearest = np.sqrt(_squared(points, others).min(axis=1)) / self.reference
        result: FloatArray = nearest.astype(np.float32)
        return result


def _squared(points: Points, others: Points) -> DoubleArray:
    alike = KERNEL.alike(points.codes, others.codes)
    result: DoubleArray = squared_distances(points.vectors, others.vectors) - 2 * np.log(alike)
    return result
