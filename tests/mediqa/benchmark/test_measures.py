import math

import numpy as np
import pytest

from inference.mediqa.benchmark.measures import (
    accuracy,
    auroc,
    ause,
    levels_of,
    local_coverage,
    nominal_coverage,
    rounded,
    weighted_kappa,
)


def test_ause_is_zero_for_the_oracle_and_one_for_chance():
    rng = np.random.default_rng(0)
    error = rng.exponential(size=2000)
    assert ause(error, error) == 0.0
    assert np.mean([ause(rng.permutation(2000), error) for _ in range(20)]) == pytest.approx(1.0, abs=0.05)
    assert ause(-error, error) > 1.0


def test_ause_of_equal_std_does_not_exist():
    assert math.isnan(ause(np.ones(10), np.arange(10)))


def test_local_scores_make_an_interval_honest_that_was_too_narrow():
    rng = np.random.default_rng(0)
    target = rng.standard_t(3, 1000)
    mean, std = np.zeros(1000), np.full(1000, 0.3)
    assert nominal_coverage(mean, std, target) < 0.5
    assert local_coverage(mean, std, target, seed=0) == pytest.approx(0.9, abs=0.03)
    assert math.isnan(local_coverage(mean[:20], std[:20], target[:20], seed=0))


def test_auroc_is_the_share_of_pairs_in_order():
    assert auroc([1, 2, 3], [4, 5]) == 1.0
    assert auroc([1, 3], [2]) == 0.5
    assert auroc([2, 2], [2]) == 0.5
    assert math.isnan(auroc([], [1]))


def test_classes_are_found_and_rounded_to():
    levels = levels_of([0, 1, 2, 1.0])
    assert levels is not None
    assert rounded(np.array([-1.0, 0.6, 1.4, 9.0]), levels).tolist() == [0, 1, 1, 2]
    assert levels_of([0.5, 1.0]) is None
    assert levels_of(np.arange(50)) is None


def test_kappa_and_accuracy():
    levels = np.array([0.0, 1.0, 2.0])
    target = np.array([0, 0, 1, 1, 2, 2.0])
    assert (accuracy(target, target), weighted_kappa(target, target, levels)) == (1.0, 1.0)
    guess = np.array([0, 0, 0, 1, 2, 2.0])
    assert accuracy(guess, target) == pytest.approx(5 / 6)
    pairs = [(a - b) ** 2 for a in guess for b in target]
    assert weighted_kappa(guess, target, levels) == pytest.approx(1 - (1 / 6) / (sum(pairs) / 36))
