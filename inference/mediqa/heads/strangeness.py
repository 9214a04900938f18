"""How far an image lies from those that heads were fitted to. numpy only.

The squared distance of two images is how far the patches of their embeddings lie apart, in units of how images of one
group differ among themselves (Mahalanobis with the pooled covariance within groups, as Lee et al., NeurIPS 2018, take
it within classes), plus -2 log k of the prompt kernel: more where their prompts differ, a modality above all. Their
unit is what 5 % of the training images have between them and the nearest of another group.
n counts images, d numbers of an embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.mediqa.heads.kernels import Points, PromptKernel, Standardisation, choose_landmarks, squared_distances
from inference.mediqa.types import DoubleArray, FloatArray, IndexArray

KERNEL = PromptKernel(1.0, (0.1, 0.9, 0.3, 0.3))  # dimension, modality, region, type
PERCENTILE = 95
KEPT = 400  # images to be near to
LEAST = 1e-6


@dataclass(frozen=True)
class Strangeness:
    """shift [d], whitening [d, p]: of the first d numbers of an embedding. kept: training images to be near to.
    reference: the 95th percentile of the distance from a training image to the nearest of another group."""

    shift: DoubleArray
    whitening: DoubleArray
    kept: Points
    reference: float

    @classmethod
    def fit(
        cls, embeddings: npt.ArrayLike, codes: IndexArray, groups: IndexArray, rng: np.random.Generator
    ) -> Strangeness:
        """Fit to n images: [n, d] numbers, [n, factors] codes of their prompts, [n] numbers of their groups."""
        values = np.asarray(embeddings, dtype=np.float64)
        shift, whitening = _whitened(values, groups)
        points = Points((values - shift) @ whitening, codes)
        chosen = choose_landmarks(points, KEPT, rng)
        is_same = groups[:, None] == groups[None, chosen]
        length = _reference(squared_distances(points.vectors, points.vectors[chosen]), is_same)
        scaled = Points(points.vectors / length, codes)
        kept = scaled.pick(chosen)
        return cls(shift, whitening / length, kept, _reference(_squared(scaled, kept), is_same))

    def distance(self, embeddings: npt.ArrayLike, codes: IndexArray) -> FloatArray:
        """Return [n] distances to the nearest of the kept; 1.0 is what 5 % of new groups reach."""
        values = np.asarray(embeddings, dtype=np.float64)[:, : len(self.shift)]
        points = Points((values - self.shift) @ self.whitening, codes)
        nearest = np.sqrt(_squared(points, self.kept).min(axis=1)) / self.reference
        result: FloatArray = nearest.astype(np.float32)
        return result

    def to_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays for a checkpoint."""
        return {
            "shift": self.shift,
            "whitening": self.whitening,
            "kept": self.kept.vectors,
            "codes": self.kept.codes,
            "reference": np.array([self.reference]),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[Any]]) -> Strangeness:
        """Read ``to_tensors``; raises KeyError where one is missing."""
        kept = Points(tensors["kept"], tensors["codes"])
        return cls(tensors["shift"], tensors["whitening"], kept, float(tensors["reference"][0]))


def _whitened(values: DoubleArray, groups: IndexArray) -> tuple[DoubleArray, DoubleArray]:
    """Return shift [d] and whitening [d, d]; whitened images have a mean squared length of 1.

    Beforehand all d standardised numbers are taken to differ alike, which counts as much as d images: of few scores,
    or of one image of each patient, no more is learnt than there is to be known.
    """
    scaling = Standardisation.fit(values)
    gain = scaling.gain * np.sqrt(np.count_nonzero(scaling.gain))
    standard = (values - scaling.shift) * gain
    names, owner, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    centres = np.zeros((len(names), values.shape[1]))
    np.add.at(centres, owner, standard)
    apart = standard - (centres / sizes[:, None])[owner]
    numbers, freedom = values.shape[1], len(values) - len(names)
    within = (apart.T @ apart + numbers * np.eye(numbers)) / (freedom + numbers)
    variances, directions = np.linalg.eigh(within)
    whitening = directions / np.sqrt(variances)
    length = float(np.sqrt(((standard @ whitening) ** 2).sum(axis=1).mean()))
    return scaling.shift, gain[:, None] * whitening / max(length, LEAST)


def _reference(squared: DoubleArray, is_same: npt.NDArray[np.bool_]) -> float:
    """Return the 95th percentile of the distance from an image to the nearest of another group, [n, m] given; 1 where
    there is none."""
    nearest = np.where(is_same, np.inf, squared).min(axis=1)
    known = nearest[np.isfinite(nearest)]
    return max(float(np.sqrt(np.percentile(known, PERCENTILE))), LEAST) if len(known) else 1.0


def _squared(points: Points, others: Points) -> DoubleArray:
    alike = KERNEL.alike(points.codes, others.codes)
    result: DoubleArray = squared_distances(points.vectors, others.vectors) - 2 * np.log(alike)
    return result
