import math

import numpy as np
import pytest

from inference.mediqa.heads.uncertainty import OodStatistics, conformal_quantile, interval_factor, residuals_needed


def test_conformal_quantile_is_the_named_order_statistic():
    assert conformal_quantile(np.arange(1, 20), 0.9) == 18  # ceil(20 * 0.9)
    assert conformal_quantile(np.arange(1, 10), 0.9) == 9


def test_too_few_residuals_give_infinity():
    assert math.isinf(conformal_quantile(np.arange(8), 0.9))
    assert math.isfinite(conformal_quantile(np.arange(9), 0.9))
    assert math.isinf(conformal_quantile(np.arange(18), 0.95))
    assert math.isfinite(conformal_quantile(np.arange(19), 0.95))


@pytest.mark.parametrize(("level", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_residuals_needed_are_the_fewest_that_give_a_finite_quantile(level, needed):
    assert residuals_needed(level) == needed
    assert math.isfinite(conformal_quantile(np.arange(needed), level))
    assert math.isinf(conformal_quantile(np.arange(needed - 1), level))


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ValueError, match="level"):
        conformal_quantile([1.0], level)


def test_coverage_holds_for_errors_that_are_not_normal():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        residuals = np.abs(rng.standard_t(2, 31))
        covered.append(residuals[30] <= conformal_quantile(residuals[:30], 0.9))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.045)


def test_interval_factor_falls_back_to_the_normal_law():
    assert interval_factor([], 0.9) == pytest.approx(1.645, abs=1e-3)
    assert interval_factor([5.0, 0.1], 0.9) == 5.0
    assert interval_factor(np.full(30, 0.7), 0.9) == pytest.approx(0.7)


def test_distance_of_training_images_has_its_95th_percentile_at_one():
    embeddings = np.random.default_rng(0).normal(0, [1, 5, 0.2], size=(500, 3)).astype(np.float32)
    statistics = OodStatistics.fit(embeddings)
    assert np.percentile(statistics.distance(embeddings), 95) == pytest.approx(1.0, abs=0.01)
    far = np.array([[0.0, 0.0, 8.0]], dtype=np.float32)
    assert statistics.distance(far)[0] > 2


def test_what_follows_the_patches_in_an_embedding_counts_for_nothing():
    embeddings = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    statistics = OodStatistics.fit(embeddings)
    longer = np.hstack([embeddings, np.full((50, 3), 99, dtype=np.float32)])
    np.testing.assert_array_equal(statistics.distance(longer), statistics.distance(embeddings))


def test_distance_survives_a_round_trip():
    embeddings = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    statistics = OodStatistics.fit(embeddings)
    again = OodStatistics.from_tensors(statistics.to_tensors())
    np.testing.assert_allclose(again.distance(embeddings), statistics.distance(embeddings), rtol=1e-6)


def test_constant_embeddings_and_single_ones():
    constant = OodStatistics.fit(np.ones((5, 3), dtype=np.float32))
    assert np.isfinite(constant.distance(np.zeros((1, 3), np.float32))).all()
    with pytest.raises(ValueError, match="two"):
        OodStatistics.fit(np.ones((1, 3), dtype=np.float32))
