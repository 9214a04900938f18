"""How much the process and the ensemble count, decided on predictions of held-out images. numpy only."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from inference.mediqa.heads.gaussian_process import Latent
from inference.mediqa.types import DoubleArray

SHARES = (0.0, 0.125, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
PRIOR_IMAGES = 20.0  # held-out images that the mix assumed beforehand is worth
ASSUMED = (0.5, 0.5)  # shares of the two variances


@dataclass(frozen=True)
class Mix:
    """process_weight: of the process in the mean, the ensemble has the rest. *_share: factors of their variances.

    disagreement: factor of the squared difference of the two means, which is epistemic: where two ways of learning the
    same scores part, the scores have not decided. Heads that were fitted before it was known have none.
    """

    process_weight: float = 0.5
    process_share: float = 0.5
    ensemble_share: float = 0.5
    disagreement: float = 0.0

    @classmethod
    def fit(cls, latent: Latent, mean: DoubleArray, variance: DoubleArray, target: DoubleArray) -> Mix:
        """Fit to n held-out predictions of the process and of the ensemble ([n] each): least squares, then likelihood.

        Few images leave the mean to the process and the variances mixed evenly.
        """
        weight = _mean_weight(latent.mean, mean, target)
        residual = (weight * latent.mean + (1 - weight) * mean - target) ** 2
        disagreement = _disagreement(latent.mean, mean, target)
        process, apart = latent.variance + latent.noise, disagreement * (latent.mean - mean) ** 2
        pairs = [pair for pair in itertools.product(SHARES, SHARES) if pair != (0.0, 0.0)]
        costs = [_cost(residual, share * process + other * variance + apart) for share, other in pairs]
        best = np.array(pairs[int(np.argmin(costs))])
        trust = len(target) / (len(target) + PRIOR_IMAGES)
        shares = trust * best + (1 - trust) * np.array(ASSUMED)
        return cls(weight, float(shares[0]), float(shares[1]), disagreement)

    def combine(
        self, latent: Latent, means: DoubleArray, variances: DoubleArray
    ) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
        """Return mean, epistemic and aleatoric variance, [n] each, from the process and M members [M, n]."""
        mean = self.process_weight * latent.mean + (1 - self.process_weight) * means.mean(axis=0)
        apart = self.disagreement * (latent.mean - means.mean(axis=0)) ** 2
        epistemic = self.process_share * latent.variance + self.ensemble_share * means.var(axis=0) + apart
        aleatoric = self.process_share * latent.noise + self.ensemble_share * variances.mean(axis=0)
        return mean, epistemic, aleatoric


def _mean_weight(process: DoubleArray, ensemble: DoubleArray, target: DoubleArray) -> float:
    """Weight of the process that leaves least squared error, drawn to one by ``PRIOR_IMAGES``: from few images an
    ensemble learns little.
    """
    apart = process - ensemble
    prior = PRIOR_IMAGES * float(np.mean(apart**2))
    top = float(apart @ (target - ensemble)) + prior
    return float(np.clip(top / max(float(apart @ apart) + prior, 1e-12), 0.0, 1.0))


def _disagreement(process: DoubleArray, ensemble: DoubleArray, target: DoubleArray) -> float:
    """Return how much it counts that the parts differ: fully where both err alike, hardly where one is far worse."""
    errors = sorted(float(np.mean((mean - target) ** 2)) for mean in (process, ensemble))
    return errors[0] / max(errors[1], 1e-12)


def _cost(squared: DoubleArray, variance: DoubleArray) -> float:
    """Mean negative log likelihood of normal residuals."""
    kept = np.maximum(variance, 1e-6)
    return float(np.mean(squared / kept + np.log(kept)))
