"""A Gaussian process under the prompt kernel, on Nystroem features, in closed form. numpy only.

Hyper-parameters by the evidence on a small grid. The variance is that of the full process at a new image given the
features' posterior (what the landmarks do not span counts as unknown: Quinonero-Candela and Rasmussen, JMLR 6:1939,
2005, DTC), so that it grows away from the scored images. n counts images, m landmarks, T trends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inference.mediqa.heads.kernels import NystroemMap, Points, PromptKernel, squared_distances
from inference.mediqa.heads.regression import HeldOut, LinearPosterior, NoiseByGroup, evidence
from inference.mediqa.prompt import MODALITY
from inference.mediqa.types import DoubleArray, FloatArray

FACTOR_WEIGHTS = (0.3, 1.0, 0.5, 0.5)  # dimension, modality, region, type: how much a factor may separate
LENGTHS = (0.35, 0.7, 1.4, 2.8, 5.6)
SEPARATIONS = (0.8, 0.3, 0.0)  # where the images can not tell, other words are taken to differ
SIGNALS = (0.5, 1.0, 2.0)
NOISES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


class Latent(NamedTuple):
    """The noise-free value of n images and the noise on it, in the units of the target: [n] each."""

    mean: DoubleArray
    variance: DoubleArray
    noise: DoubleArray


@dataclass(frozen=True)
class Choice:
    """A point of the grid."""

    kernel: PromptKernel
    signal: float
    noise: float


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process. centre, spread: of the targets. Trends are linear terms beside the kernel."""

    features: NystroemMap
    signal: float
    noise: NoiseByGroup
    centre: float
    spread: float
    posterior: LinearPosterior

    @classmethod
    def fit(
        cls, points: Points, trends: DoubleArray, target: DoubleArray, landmarks: Points, rng: np.random.Generator
    ) -> GaussianProcess:
        """Fit to n >= 2 points, trends [n, T] (may be empty) and targets [n] that differ."""
        centre, spread = float(target.mean()), max(float(target.std()), 1e-9)
        standard = (target - centre) / spread
        best = _choose(points, landmarks, trends, standard)
        features = NystroemMap.fit(best.kernel, landmarks)
        flat = cls(features, best.signal, NoiseByGroup(best.noise, {}), centre, spread, LinearPosterior.empty(0))
        return flat._with_noise(points, trends, standard, rng)

    def _with_noise(
        self, points: Points, trends: DoubleArray, standard: DoubleArray, rng: np.random.Generator
    ) -> GaussianProcess:
        """Fit under equal noise, learn from the held-out residuals how noise differs by modality, fit again."""
        design, modality = self._design(points, trends), points.codes[:, MODALITY]
        precision = 1 / self.noise.variance(modality)
        first = LinearPosterior.fit(design, standard, precision)
        folds = rng.integers(0, 10, len(standard))
        held_out = first.held_out(design, standard, precision, folds)
        noise = self.noise.refined((held_out.mean - standard) ** 2, modality)
        posterior = LinearPosterior.fit(design, standard, 1 / noise.variance(modality))
        return replace(self, noise=noise, posterior=posterior)

    def predict(self, points: Points, trends: DoubleArray) -> Latent:
        """Return mean and variance of the noise-free value, and the noise."""
        design = self._design(points, trends)
        return self._latent(HeldOut(*self.posterior.predict(design)), points, design)

    def held_out(
        self, points: Points, trends: DoubleArray, target: DoubleArray, folds: npt.NDArray[np.int64]
    ) -> Latent:
        """Predict each training image without those of its fold, hyper-parameters kept."""
        design = self._design(points, trends)
        precision = 1 / self.noise.variance(points.codes[:, MODALITY])
        rest = self.posterior.held_out(design, (target - self.centre) / self.spread, precision, folds)
        return self._latent(rest, points, design)

    def with_label(self, points: Points, trends: DoubleArray, target: float) -> GaussianProcess:
        """Return the process after one more image, hyper-parameters kept; the same as fitting it with the rest."""
        precision = float(1 / self.noise.variance(points.codes[:, MODALITY])[0])
        row = self._design(points, trends)[0]
        return replace(self, posterior=self.posterior.with_label(row, (target - self.centre) / self.spread, precision))

    def _design(self, points: Points, trends: DoubleArray) -> DoubleArray:
        return np.hstack([self.signal * self.features.features(points), np.ones((len(points), 1)), trends])

    def _latent(self, predicted: HeldOut, points: Points, design: DoubleArray) -> Latent:
        spanned = (design[:, : len(self.features.landmarks)] ** 2).sum(axis=1)
        unspanned = np.maximum(self.signal**2 - spanned, 0.0)
        return Latent(
            mean=self.centre + self.spread * predicted.mean,
            variance=self.spread**2 * (predicted.variance + unspanned),
            noise=self.spread**2 * self.noise.variance(points.codes[:, MODALITY]),
        )

    def to_tensors(self) -> dict[str, FloatArray | DoubleArray]:
        """Return the arrays for a checkpoint; double where the update of one label needs it."""
        factors = np.array(sorted(self.noise.factors.items()), dtype=np.float64).reshape(-1, 2)
        scalars = np.array([self.features.kernel.length, self.signal, self.noise.common, self.centre, self.spread])
        return {
            "scalars": scalars,
            "ratios": np.array(self.features.kernel.ratios),
            "noise_factors": factors,
            "root": self.features.root,
            "covariance": self.posterior.covariance,
            "moment": self.posterior.moment,
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, npt.NDArray[np.float64]], landmarks: Points) -> GaussianProcess:
        """Read ``to_tensors``; raises KeyError or ValueError where parts are missing."""
        length, signal, common, centre, spread = map(float, tensors["scalars"])
        kernel = PromptKernel(length, tuple(map(float, tensors["ratios"])))
        return cls(
            features=NystroemMap(kernel, landmarks, tensors["root"]),
            signal=signal,
            noise=NoiseByGroup(common, {int(group): float(factor) for group, factor in tensors["noise_factors"]}),
            centre=centre,
            spread=spread,
            posterior=LinearPosterior(tensors["covariance"], tensors["moment"]),
        )


def _choose(points: Points, landmarks: Points, trends: DoubleArray, standard: DoubleArray) -> Choice:
    """Return the point of the grid with the largest evidence."""
    squared = squared_distances(points.vectors, landmarks.vectors)
    best, largest = None, -np.inf
    for length, separation in itertools.product(LENGTHS, SEPARATIONS):
        kernel = PromptKernel(length, tuple(separation * weight for weight in FACTOR_WEIGHTS))
        root = NystroemMap.fit(kernel, landmarks).root
        design = np.hstack(
            [kernel.of(squared, points.codes, landmarks.codes) @ root, np.ones((len(points), 1)), trends]
        )
        for signal, noise, value in _evidences(design, len(landmarks), standard):
            if value > largest:
                best, largest = Choice(kernel, signal, noise), value
    if best is None:
        raise ValueError("No evidence is finite: are the points finite?")
    return best


def _evidences(design: DoubleArray, landmarks: int, standard: DoubleArray) -> list[tuple[float, float, float]]:
    """Return (signal, noise, evidence) for all signals and noises."""
    inner, moment = design.T @ design, design.T @ standard
    energy = float(standard @ standard)
    found = []
    for signal in SIGNALS:
        gain = np.ones(design.shape[1])
        gain[:landmarks] = signal
        scaled, weighted = inner * gain[:, None] * gain[None], moment * gain
        found += [(signal, noise, evidence(scaled, weighted, energy, len(standard), noise)) for noise in NOISES]
    return found
