import numpy as np
import pytest
import torch

from inference.mediqa.errors import ConstantScore, FittingCancelled, FittingError, TooFewScores
from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.fitting import FitConfig, check_targets
from inference.mediqa.heads.predictions import residuals_of
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.metrics import coverage_curve, srocc
from inference.mediqa.types import Scale
from tests.mediqa.conftest import random_features

SCALE = {"noise": Scale(1.0, 5.0)}
QUICK = FitConfig(epochs=40, members=3, hidden=8, learning_rate=1e-2)


def hidden_number(features):
    return np.array([one.tokens[..., 0].astype(float).mean() for one in features])


def known_function(features):
    return 1 + 4 / (1 + np.exp(-1.5 * hidden_number(features)))


@pytest.fixture(scope="module")
def fitted():
    features = random_features(100, slices=2)
    torch.set_num_threads(1)
    return fit_heads(features, {"noise": known_function(features)}, SCALE, config=QUICK, seed=1)


def test_heads_learn_a_known_function(fitted):
    unseen = random_features(80, slices=2, seed=9)
    prediction = fitted.predict(unseen)["noise"]
    assert srocc(prediction.mean, known_function(unseen)) > 0.9
    assert np.abs(prediction.mean - known_function(unseen)).mean() < 0.35


def test_predictions_stay_on_the_scale(fitted):
    extreme = random_features(10, slices=2, seed=3)
    for one in extreme:
        one.tokens[...] *= 100
    prediction = fitted.predict(extreme)["noise"]
    assert prediction.mean.min() >= 1.0
    assert prediction.mean.max() <= 5.0
    assert np.isfinite(prediction.total_std).all()


def test_the_same_seed_gives_the_same_heads_and_another_seed_others(fitted):
    features = random_features(100, slices=2)
    targets = {"noise": known_function(features)}
    again = fit_heads(features, targets, SCALE, config=QUICK, seed=1)
    other = fit_heads(features, targets, SCALE, config=QUICK, seed=2)
    first, second, third = (one.predict(features)["noise"].mean for one in (fitted, again, other))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 1e-4


def test_fitting_leaves_the_global_generator_alone():
    features = random_features(12)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit_heads(features, {"noise": known_function(features)}, SCALE, config=FitConfig(epochs=1, members=2), seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_criteria_may_have_holes_and_directions_of_their_own():
    features = random_features(80)
    good = known_function(features)
    bad = (6 - good) / 5
    bad[::3] = np.nan
    scales = {"sharp": Scale(1, 5), "noisy": Scale(0, 1, is_higher_better=False)}
    heads = fit_heads(features, {"sharp": good, "noisy": bad}, scales, config=QUICK, seed=0)
    unseen = random_features(60, seed=4)
    predictions = heads.predict(unseen)
    assert srocc(predictions["sharp"].mean, known_function(unseen)) > 0.9
    assert srocc(predictions["noisy"].mean, known_function(unseen)) < -0.9


def test_a_prior_makes_few_scores_go_far():
    features = random_features(200)
    prior = fit_heads(features, {"quality": known_function(features)}, {"quality": Scale(1, 5)}, config=QUICK, seed=0)
    few = random_features(10, seed=21)
    reversed_scores = {"noise": 6 - known_function(few)}
    heads = fit_heads(few, reversed_scores, SCALE, config=QUICK, seed=0, initial=prior)
    unseen = random_features(60, seed=22)
    assert srocc(heads.predict(unseen)["noise"].mean, known_function(unseen)) < -0.85


def test_disagreement_grows_away_from_the_scored_images(fitted):
    near, far = random_features(30, slices=2, seed=5), random_features(30, slices=2, seed=5)
    for one in far:
        one.tokens[..., 1:] *= 8
    assert fitted.predict(far)["noise"].epistemic_std.mean() > 1.5 * fitted.predict(near)["noise"].epistemic_std.mean()


def test_noisy_scores_give_a_larger_aleatoric_part():
    features = random_features(150)
    rng = np.random.default_rng(0)
    target = known_function(features)
    noisy = np.clip(target + rng.normal(0, 0.8, len(target)), 1, 5)
    clean_heads = fit_heads(features, {"noise": target}, SCALE, config=QUICK, seed=0)
    noisy_heads = fit_heads(features, {"noise": noisy}, SCALE, config=QUICK, seed=0)
    parts = [one.predict(features)["noise"].aleatoric_std.mean() for one in (clean_heads, noisy_heads)]
    assert parts[1] > 1.5 * parts[0]


def test_conformal_intervals_cover_what_they_promise():
    rng = np.random.default_rng(1)

    def scored(count, seed):
        features = random_features(count, seed=seed)
        return features, np.clip(known_function(features) + rng.normal(0, 0.5, count), 1, 5)

    features, target = scored(100, 0)
    heads = fit_heads(features, {"noise": target}, SCALE, config=QUICK, seed=0)
    validation, validation_target = scored(100, 31)
    calibrated = heads.with_residuals(residuals_of(heads.predict(validation), {"noise": validation_target}))
    unseen, unseen_target = scored(300, 32)
    prediction = calibrated.predict(unseen)["noise"]
    reach = calibrated.interval_factor("noise", 0.9) * prediction.total_std
    assert np.mean(np.abs(unseen_target - prediction.mean) <= reach) == pytest.approx(0.9, abs=0.07)
    assert len(coverage_curve(prediction.mean, prediction.total_std, unseen_target)) == 10


def test_slice_weights_sum_to_one_and_ignore_padding(fitted):
    features = [*random_features(3, slices=2), *random_features(2, slices=4, seed=8)]
    prediction = fitted.predict(features)["noise"]
    assert prediction.slice_weights.shape == (5, 4)
    np.testing.assert_allclose(prediction.slice_weights.sum(axis=1), 1.0, atol=1e-6)
    assert (prediction.slice_weights[:3, 2:] == 0).all()
    alone = fitted.predict(features[:1])["noise"]
    assert alone.mean[0] == pytest.approx(prediction.mean[0], abs=1e-5)


def test_progress_is_told_and_cancel_is_obeyed():
    features = random_features(20)
    told: list[tuple[str, int, int, float]] = []
    with pytest.raises(FittingCancelled):
        fit_heads(
            features,
            {"noise": known_function(features)},
            SCALE,
            config=QUICK,
            on_progress=lambda *step: told.append(step),
            should_stop=lambda: len(told) == 4,
        )
    assert [step[:3] for step in told] == [("fit", number, 40) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([1.0, 2.0, 3.0] + [np.nan] * 17, TooFewScores),
        ([np.nan] * 20, TooFewScores),
        ([3.0] * 20, ConstantScore),
        ([1.0] * 19 + [9.0], FittingError),
        ([1.0, 2.0], FittingError),
    ],
)
def test_scores_that_cannot_be_learnt_are_refused_before_anything_starts(values, error):
    told: list[object] = []
    with pytest.raises(error):
        fit_heads(random_features(20), {"noise": np.array(values)}, SCALE, on_progress=lambda *step: told.append(step))
    assert told == []


def test_refusals_name_the_criterion_and_the_number():
    with pytest.raises(TooFewScores, match="sharp: 2 images") as refused:
        check_targets({"sharp": np.array([1.0, 2.0, np.nan])}, minimum_scores=8)
    assert (refused.value.criterion, refused.value.count) == ("sharp", 2)
    with pytest.raises(FittingError, match="no Criterion"):
        check_targets({}, minimum_scores=8)
    with pytest.raises(FittingError, match="no scale"):
        fit_heads(random_features(20), {"other": np.arange(20.0)}, SCALE)


def test_heads_survive_a_round_trip(fitted):
    features = random_features(10, slices=2, seed=6)
    calibrated = fitted.with_residuals({"noise": np.linspace(0.1, 2, 40, dtype=np.float32)})
    again = HeadEnsemble.from_checkpoint(*calibrated.to_checkpoint())
    np.testing.assert_array_equal(again.predict(features)["noise"].mean, calibrated.predict(features)["noise"].mean)
    assert again.scales == calibrated.scales
    assert again.interval_factor("noise", 0.9) == calibrated.interval_factor("noise", 0.9)


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_impossible_scales_are_refused(bounds):
    with pytest.raises(ValueError, match="scale"):
        Scale(*bounds)
