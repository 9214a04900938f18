"""Bayesian linear regression in closed form: evidence, predictions, held-out predictions, one label more. numpy only.

y = phi w + noise, w ~ N(0, I), noise ~ N(0, 1 / precision) with a precision for each image (Rasmussen and
Williams 2006, section 2.1; MacKay, Neural Computation 4:415, 1992, for the evidence). n counts images, p features.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from inference.mediqa.types import DoubleArray


@dataclass(frozen=True)
class HeldOut:
    """What is predicted of each image without its own fold: mean and variance of the noise-free value, [n]."""

    mean: DoubleArray
    variance: DoubleArray


@dataclass(frozen=True)
class LinearPosterior:
    """w ~ N(covariance @ moment, covariance): [p, p] and [p]."""

    covariance: DoubleArray
    moment: DoubleArray

    @classmethod
    def fit(cls, features: DoubleArray, target: DoubleArray, precision: DoubleArray) -> LinearPosterior:
        """Fit to [n, p], [n], [n]."""
        weighted = features * precision[:, None]
        return cls(_inverse(np.eye(features.shape[1]) + weighted.T @ features), weighted.T @ target)

    @classmethod
    def empty(cls, size: int) -> LinearPosterior:
        """Return what is known before any image."""
        return cls(np.eye(size), np.zeros(size))

    @property
    def mean(self) -> DoubleArray:
        """The weights' mean, [p]."""
        result: DoubleArray = self.covariance @ self.moment
        return result

    def predict(self, features: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return mean and variance of the noise-free value, [n] each."""
        return features @ self.mean, _quadratic(features, self.covariance)

    def with_label(self, features: DoubleArray, target: float, precision: float) -> LinearPosterior:
        """Return the posterior after one more image, features [p]: Sherman and Morrison, O(p^2)."""
        reach = self.covariance @ features
        gain = precision / (1.0 + precision * float(features @ reach))
        return LinearPosterior(
            self.covariance - gain * np.outer(reach, reach), self.moment + precision * target * features
        )

    def held_out(
        self, features: DoubleArray, target: DoubleArray, precision: DoubleArray, folds: npt.NDArray[np.int64]
    ) -> HeldOut:
        """Take each fold's images out of the posterior again and predict them; folds: [n] numbers."""
        mean, variance = np.empty(len(target)), np.empty(len(target))
        whole = np.linalg.inv(self.covariance)
        for fold in np.unique(folds):
            rows = folds == fold
            weighted = features[rows] * precision[rows, None]
            rest = LinearPosterior(
                _inverse(whole - weighted.T @ features[rows]), self.moment - weighted.T @ target[rows]
            )
            mean[rows], variance[rows] = rest.predict(features[rows])
        return HeldOut(mean, variance)


def evidence(inner: DoubleArray, moment: DoubleArray, energy: float, count: int, noise: float) -> float:
    """Return the log marginal likelihood of ``count`` targets under equal noise variance.

    inner = features' features [p, p], moment = features' target [p], energy = target' target.
    """
    posterior = cho_factor(np.eye(len(inner)) + inner / noise)
    fitted = float(moment @ cho_solve(posterior, moment)) / noise**2
    logarithm = 2 * float(np.log(np.diag(posterior[0])).sum())
    return float(-0.5 * (count * np.log(2 * np.pi * noise) + logarithm + energy / noise - fitted))


def grouped_folds(groups: npt.ArrayLike, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return a fold 0..count-1 for each image; a group is never split, folds are about equal in size.

    With fewer groups than ``count`` there are as many folds as groups.
    """
    names, owner, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    count = min(count, len(names))
    load = np.zeros(count)
    fold_of = np.empty(len(names), dtype=np.int64)
    shuffled = rng.permutation(len(names))
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = int(np.argmin(load))
        load[fold_of[group]] += sizes[group]
    folds: npt.NDArray[np.int64] = fold_of[owner]
    return folds


def group_numbers(groups: Sequence[Hashable] | None, count: int) -> npt.NDArray[np.int64]:
    """Return a number for each of ``count`` images, the same within a group; without groups each is its own."""
    if groups is None:
        return np.arange(count, dtype=np.int64)
    if len(groups) != count:
        raise ValueError(f"{len(groups)} groups for {count} images.")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)


@dataclass(frozen=True)
class NoiseByGroup:
    """Variance of the noise: a common one, times a factor for groups with enough images of their own."""

    common: float
    factors: Mapping[int, float]

    def variance(self, groups: npt.NDArray[np.int64]) -> DoubleArray:
        """Return [n] variances for n groups."""
        return self.common * np.array([self.factors.get(int(group), 1.0) for group in groups])

    def refined(self, squared: DoubleArray, groups: npt.NDArray[np.int64], prior_images: float = 30.0) -> NoiseByGroup:
        """Return the noise with factors from squared held-out residuals [n], drawn to 1 by ``prior_images``."""
        overall = max(float(np.mean(squared)), 1e-12)
        factors = {
            int(group): float(
                (squared[groups == group].sum() / overall + prior_images) / ((groups == group).sum() + prior_images)
            )
            for group in np.unique(groups)
        }
        return replace(self, factors=factors)


def _inverse(matrix: DoubleArray) -> DoubleArray:
    """Inverse of a symmetric positive matrix, in the order of memory in which a checkpoint gives it back."""
    return np.ascontiguousarray(cho_solve(cho_factor(matrix), np.eye(len(matrix))))


def _quadratic(features: DoubleArray, matrix: DoubleArray) -> DoubleArray:
    """diag(features matrix features'), never below 0."""
    result: DoubleArray = np.maximum(np.einsum("np,np->n", features @ matrix, features), 0.0)
    return result
