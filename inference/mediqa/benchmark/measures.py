"""What the table says beside correlations: sparsification, coverage after local calibration, separation. numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from inference.mediqa.heads.uncertainty import interval_factor
from inference.mediqa.types import DoubleArray

LOCAL_SCORES = 100
DRAWS = 50
LEAST_JUDGED = 30  # images left to look at coverage on
MOST_LEVELS = 10


def ause(std: npt.ArrayLike, error: npt.ArrayLike) -> float:
    """Area under the sparsification error as a share of random order's: 0 the oracle, 1 no better than chance.

    Images are removed from the largest std down; the curve is the mean absolute error of what is left (Ilg et al.,
    ECCV 2018). NaN where the errors, or the std, do not differ.
    """
    deviation, wrong = np.asarray(std, dtype=np.float64), np.abs(np.asarray(error, dtype=np.float64))
    if len(wrong) < 3 or np.ptp(wrong) == 0 or np.ptp(deviation) == 0:
        return float("nan")
    ours, oracle = _sparsified(deviation, wrong), _sparsified(wrong, wrong)
    return float((ours - oracle).mean() / (wrong.mean() - oracle).mean())


def _sparsified(order: DoubleArray, wrong: DoubleArray) -> DoubleArray:
    """Mean error of the k images with the smallest ``order``, for k = n ... 1; ties share their mean."""
    kept = wrong[np.argsort(order, kind="stable")]
    means: DoubleArray = np.cumsum(kept) / np.arange(1, len(kept) + 1)
    return means[::-1]


def local_coverage(mean: DoubleArray, std: DoubleArray, target: DoubleArray, *, seed: int, level: float = 0.9) -> float:
    """Share of targets within the interval after conformal calibration on ``LOCAL_SCORES`` of the images, mean of
    ``DRAWS`` draws; half of the images are used where there are few. NaN for fewer than twice ``LEAST_JUDGED``.
    """
    if len(target) < 2 * LEAST_JUDGED:
        return float("nan")
    rng = np.random.default_rng(seed)
    scaled = np.abs(target - mean) / np.maximum(std, 1e-9)
    count = min(LOCAL_SCORES, len(target) // 2)
    covered = []
    for _ in range(DRAWS):
        order = rng.permutation(len(target))
        factor = interval_factor(scaled[order[:count]], level)
        covered.append(np.mean(scaled[order[count:]] <= factor))
    return float(np.mean(covered))


def nominal_coverage(mean: DoubleArray, std: DoubleArray, target: DoubleArray, *, level: float = 0.9) -> float:
    """Share of targets within the interval that the model states by itself."""
    return float(np.mean(np.abs(target - mean) <= interval_factor([], level) * std))


def auroc(ordinary: npt.ArrayLike, strange: npt.ArrayLike) -> float:
    """Probability that a strange image has the larger value (ties half); NaN where a side is empty."""
    low, high = np.asarray(ordinary, dtype=np.float64), np.asarray(strange, dtype=np.float64)
    if not len(low) or not len(high):
        return float("nan")
    ranks = stats.rankdata(np.concatenate([low, high]))
    return float((ranks[len(low) :].sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))


def levels_of(target: npt.ArrayLike) -> DoubleArray | None:
    """Return the levels where scores are a few whole numbers (classes), else None."""
    values = np.unique(np.asarray(target, dtype=np.float64))
    is_stepped = 2 <= len(values) <= MOST_LEVELS and bool((values == np.rint(values)).all())
    return values if is_stepped else None


def rounded(mean: DoubleArray, levels: DoubleArray) -> DoubleArray:
    """Return the nearest level of each value."""
    nearest: DoubleArray = levels[np.argmin(np.abs(mean[:, None] - levels[None]), axis=1)]
    return nearest


def accuracy(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Share of equal levels."""
    return float(np.mean(np.asarray(prediction) == np.asarray(target)))


def weighted_kappa(prediction: npt.ArrayLike, target: npt.ArrayLike, levels: DoubleArray) -> float:
    """Cohen's kappa with quadratic weights (Cohen, Psychological Bulletin 70:213, 1968); NaN without variety."""
    first, second = (np.searchsorted(levels, np.asarray(values, dtype=np.float64)) for values in (prediction, target))
    observed = np.mean((levels[first] - levels[second]) ** 2)
    expected = np.mean((levels[first][:, None] - levels[second][None, :]) ** 2)
    return float(1 - observed / expected) if expected > 0 else float("nan")
