"""Agreement between predicted and given scores, with intervals. numpy and scipy only.

Every metric takes (prediction, target), two [n] arrays of finite numbers, and returns NaN where it has no
value: correlations for n < 3 or a constant side, errors for n < 1. Raises ValueError for unequal lengths.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import stats

from inference.mediqa.types import DoubleArray

Metric = Callable[[npt.ArrayLike, npt.ArrayLike], float]


@dataclass(frozen=True)
class Interval:
    """A value with its percentile bootstrap interval."""

    value: float
    lower: float
    upper: float
    level: float


@dataclass(frozen=True)
class PairedDifference:
    """Second minus first on the same images; ``share_below_zero`` of the resamples lie below 0, ties by half."""

    value: float
    lower: float
    upper: float
    level: float
    share_below_zero: float


@dataclass(frozen=True)
class CoveragePoint:
    """How often targets fall in the interval that should hold ``nominal`` of them."""

    nominal: float
    observed: float


def plcc(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Pearson's correlation."""
    x, y = _pair(prediction, target)
    if _has_no_correlation(x, y):
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def srocc(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Spearman's rank correlation, ties by average rank."""
    x, y = _pair(prediction, target)
    return plcc(stats.rankdata(x), stats.rankdata(y))


def krocc(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Kendall's tau-b."""
    x, y = _pair(prediction, target)
    return float("nan") if _has_no_correlation(x, y) else float(stats.kendalltau(x, y).statistic)


def rmse(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Root of the mean squared error, in units of the scores."""
    x, y = _pair(prediction, target)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else float("nan")


def mae(prediction: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean absolute error, in units of the scores."""
    x, y = _pair(prediction, target)
    return float(np.mean(np.abs(x - y))) if len(x) else float("nan")


METRICS: Mapping[str, Metric] = {"plcc": plcc, "srocc": srocc, "krocc": krocc, "rmse": rmse, "mae": mae}
HIGHER_IS_BETTER: Mapping[str, bool] = {
    "plcc": True, "srocc": True, "krocc": True, "rmse": False, "mae": False,
}  # fmt: skip


def bootstrap_interval(
    metric: Metric,
    prediction: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = 1000,
    groups: Sequence[Hashable] | None = None,
) -> Interval:
    """Return the metric with its percentile interval (Efron); bounds are NaN where fewer than 3 groups.

    groups: [n], whom each image is of. Groups are resampled whole (cluster bootstrap, Davison and Hinkley, 1997,
    section 3.8), since images of one patient err alike. Without them each image is a group.
    """
    x, y = _pair(prediction, target)
    values = np.array([metric(x[index], y[index]) for index in _resampled(len(x), resamples, seed, groups)])
    return Interval(metric(x, y), *_percentiles(values, level), level)


def paired_bootstrap(
    metric: Metric,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    target: npt.ArrayLike,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = 1000,
    groups: Sequence[Hashable] | None = None,
) -> PairedDifference:
    """Compare two models on the same images: metric(second) - metric(first), resampled as in ``bootstrap_interval``."""
    x, y = _pair(first, target)
    z, _ = _pair(second, target)
    drawn = _resampled(len(x), resamples, seed, groups)
    values = np.array([metric(z[index], y[index]) - metric(x[index], y[index]) for index in drawn])
    known = values[np.isfinite(values)]
    below = float(np.mean(known < 0) + np.mean(known == 0) / 2) if len(known) else float("nan")
    return PairedDifference(metric(z, y) - metric(x, y), *_percentiles(values, level), level, below)


def coverage_curve(
    mean: npt.ArrayLike,
    std: npt.ArrayLike,
    target: npt.ArrayLike,
    levels: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95),
) -> list[CoveragePoint]:
    """Return for each nominal level how many targets lie within mean -+ z std; NaN for no images."""
    x, y = _pair(mean, target)
    deviation = np.asarray(std, dtype=np.float64)
    return [
        CoveragePoint(level, _mean_of(np.abs(x - y) <= NormalDist().inv_cdf(0.5 + level / 2) * deviation))
        for level in levels
    ]


def _mean_of(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _pair(prediction: npt.ArrayLike, target: npt.ArrayLike) -> tuple[DoubleArray, DoubleArray]:
    x, y = np.asarray(prediction, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"Expected two [n] arrays of one length, got {x.shape} and {y.shape}.")
    return x, y


def _has_no_correlation(x: DoubleArray, y: DoubleArray) -> bool:
    return len(x) < 3 or bool(np.ptp(x) == 0) or bool(np.ptp(y) == 0)


def _resampled(
    count: int, resamples: int, seed: int, groups: Sequence[Hashable] | None
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield rows of images, drawn by whole groups with replacement; nothing where there are fewer than 3 groups."""
    members = _members(groups if groups is not None else range(count))
    rng = np.random.default_rng(seed)
    if len(members) >= 3:
        for drawn in rng.integers(0, len(members), size=(resamples, len(members))):
            yield np.concatenate([members[group] for group in drawn])


def _members(groups: Sequence[Hashable]) -> list[npt.NDArray[np.int64]]:
    """Rows of each group, in order of appearance."""
    rows: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [np.array(own, dtype=np.int64) for own in rows.values()]


def _percentiles(values: DoubleArray, level: float) -> tuple[float, float]:
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        lower, upper = np.nanpercentile(values, (50 * (1 - level), 50 * (1 + level)))
    return float(lower), float(upper)
