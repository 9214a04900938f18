import numpy as np
import pytest
from scipy.stats import multivariate_normal

from inference.mediqa.heads.regression import LinearPosterior, NoiseByGroup, evidence, group_numbers, grouped_folds


def drawn(count: int = 40, size: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, size))
    target = features @ rng.normal(size=size) + rng.normal(0, 0.3, count)
    return features, target, rng.uniform(5, 15, count)


def test_the_posterior_is_ridge_regression():
    features, target, precision = drawn()
    weighted = features * precision[:, None]
    expected = np.linalg.solve(np.eye(5) + weighted.T @ features, weighted.T @ target)
    np.testing.assert_allclose(LinearPosterior.fit(features, target, precision).mean, expected)


def test_one_label_more_equals_fitting_again():
    features, target, precision = drawn()
    updated = LinearPosterior.fit(features[:-1], target[:-1], precision[:-1]).with_label(
        features[-1], target[-1], precision[-1]
    )
    whole = LinearPosterior.fit(features, target, precision)
    np.testing.assert_allclose(updated.covariance, whole.covariance, atol=1e-12)
    np.testing.assert_allclose(updated.mean, whole.mean, atol=1e-10)


def test_held_out_predictions_equal_fitting_without_the_fold():
    features, target, precision = drawn()
    folds = np.arange(40) % 4
    held_out = LinearPosterior.fit(features, target, precision).held_out(features, target, precision, folds)
    for fold in range(4):
        rest = folds != fold
        alone = LinearPosterior.fit(features[rest], target[rest], precision[rest])
        mean, variance = alone.predict(features[~rest])
        np.testing.assert_allclose(held_out.mean[~rest], mean, atol=1e-9)
        np.testing.assert_allclose(held_out.variance[~rest], variance, atol=1e-9)


def test_the_evidence_is_the_density_of_the_targets():
    features, target, _ = drawn(12)
    expected = multivariate_normal(cov=features @ features.T + 0.2 * np.eye(12)).logpdf(target)
    found = evidence(features.T @ features, features.T @ target, float(target @ target), 12, 0.2)
    assert found == pytest.approx(expected)


def test_folds_never_split_a_group_and_are_about_equal():
    groups = np.repeat(np.arange(30), np.arange(1, 31))
    folds = grouped_folds(groups, 5, np.random.default_rng(0))
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(30))
    sizes = np.bincount(folds)
    assert len(sizes) == 5
    assert sizes.max() - sizes.min() <= 30  # the largest group


def test_fewer_groups_than_folds_give_fewer_folds():
    assert set(grouped_folds(["a", "a", "b"], 5, np.random.default_rng(0))) == {0, 1}


def test_groups_get_numbers_and_without_groups_each_image_is_its_own():
    assert group_numbers(["x", "y", "x"], 3).tolist() == [0, 1, 0]
    assert group_numbers(None, 3).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="groups"):
        group_numbers(["x"], 3)


def test_noise_of_a_modality_is_learnt_where_it_has_images_enough():
    modality = np.array([1] * 300 + [2] * 300 + [3])
    squared = np.where(modality == 2, 4.0, 1.0)
    noise = NoiseByGroup(0.1, {}).refined(squared, modality)
    many, few, new = noise.variance(np.array([2, 3, 9])) / noise.variance(np.array([1]))
    assert many == pytest.approx(4.0, rel=0.15)
    assert 1 < few < many
    assert noise.variance(np.array([9]))[0] == pytest.approx(0.1)
    assert new > 1
