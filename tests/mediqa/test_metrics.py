import math

import numpy as np
import pytest
from scipy import stats

from inference.mediqa.metrics import (
    METRICS,
    bootstrap_interval,
    coverage_curve,
    krocc,
    mae,
    paired_bootstrap,
    plcc,
    rmse,
    srocc,
)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    target = np.round(rng.normal(3, 1, 80), 1)  # with ties
    return target + rng.normal(0, 0.7, 80), target


def test_correlations_equal_scipy(pair):
    assert plcc(*pair) == pytest.approx(stats.pearsonr(*pair).statistic)
    assert srocc(*pair) == pytest.approx(stats.spearmanr(*pair).statistic)
    assert krocc(*pair) == pytest.approx(stats.kendalltau(*pair).statistic)


def test_errors_in_closed_form():
    assert rmse([1, 2, 3], [1, 2, 6]) == pytest.approx(math.sqrt(3))
    assert mae([1, 2, 3], [1, 2, 6]) == pytest.approx(1.0)


def test_rank_metrics_ignore_a_monotonic_change():
    x = np.arange(10.0)
    assert srocc(np.exp(x), x) == pytest.approx(1.0)
    assert krocc(-x, x) == pytest.approx(-1.0)


@pytest.mark.parametrize("name", ["plcc", "srocc", "krocc"])
@pytest.mark.parametrize(
    ("x", "y"), [([], []), ([1], [2]), ([1, 2], [3, 4]), ([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3], [5, 5, 5])]
)
def test_correlations_without_a_value_are_nan(name, x, y):
    assert math.isnan(METRICS[name](x, y))


def test_errors_of_nothing_are_nan_and_of_one_image_are_defined():
    assert math.isnan(rmse([], []))
    assert mae([1.0], [3.0]) == 2.0


@pytest.mark.parametrize("name", METRICS)
def test_unequal_lengths_are_refused(name):
    with pytest.raises(ValueError, match="one length"):
        METRICS[name]([1, 2, 3], [1, 2])


def test_bootstrap_interval_of_a_mean_error_agrees_with_the_normal_law():
    error = np.random.default_rng(1).normal(2.0, 1.0, 400)
    interval = bootstrap_interval(lambda x, y: float(np.mean(np.asarray(x) - y)), error, np.zeros(400), seed=0)
    half = 1.96 * error.std(ddof=1) / 20
    assert interval.value == pytest.approx(error.mean())
    assert interval.upper - interval.lower == pytest.approx(2 * half, rel=0.1)


def test_bootstrap_repeats_with_its_seed(pair):
    assert bootstrap_interval(srocc, *pair, seed=3) == bootstrap_interval(srocc, *pair, seed=3)
    assert bootstrap_interval(srocc, *pair, seed=3) != bootstrap_interval(srocc, *pair, seed=4)


def test_bootstrap_of_too_few_images_has_no_bounds():
    interval = bootstrap_interval(rmse, [1.0, 2.0], [1.0, 4.0], seed=0)
    assert interval.value == pytest.approx(math.sqrt(2))
    assert math.isnan(interval.lower)
    assert math.isnan(interval.upper)


def test_paired_bootstrap_sees_a_small_steady_gain_that_single_intervals_hide():
    rng = np.random.default_rng(2)
    target = rng.normal(0, 1, 150)
    first = target + rng.normal(0, 1, 150)
    second = target + 0.9 * (first - target)
    difference = paired_bootstrap(rmse, first, second, target, seed=0)
    assert difference.upper < 0
    assert difference.share_below_zero == 1.0
    a, b = (bootstrap_interval(rmse, one, target, seed=0) for one in (first, second))
    assert b.upper > a.lower


def test_equal_models_differ_by_nothing(pair):
    difference = paired_bootstrap(srocc, pair[0], pair[0], pair[1], seed=0)
    assert (difference.value, difference.lower, difference.upper) == (0.0, 0.0, 0.0)


def test_calibrated_normal_errors_lie_on_the_diagonal():
    rng = np.random.default_rng(0)
    std = rng.uniform(0.5, 2, 20000)
    for point in coverage_curve(np.zeros(20000), std, rng.normal(0, std)):
        assert point.observed == pytest.approx(point.nominal, abs=0.015)


def test_coverage_of_nothing_is_nan():
    assert all(math.isnan(point.observed) for point in coverage_curve([], [], []))
