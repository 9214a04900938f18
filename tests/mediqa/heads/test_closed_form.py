from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.errors import ConstantScore, FittingCancelled, FittingError, TooFewScores
from inference.mediqa.heads.closed_form import ClosedFormHeads, fit_closed_form
from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.heads.gaussian_process import GaussianProcess
from inference.mediqa.heads.kernels import Points, squared_distances
from inference.mediqa.heads.predictions import residuals_of
from inference.mediqa.heads.regression import LinearPosterior
from inference.mediqa.metrics import srocc
from inference.mediqa.prompt import MODALITY
from inference.mediqa.types import DoubleArray, Features, Prompt, Scale
from tests.mediqa.conftest import random_features

from .test_finetuning import known_function

SCALE = {"noise": Scale(1.0, 5.0)}
QUICK = FitConfig(epochs=40, members=3)
CT, MR = Prompt("2D", "CT", "chest"), Prompt("2D", "MR", "head")


def shifted(features: list[Features], by: float) -> list[Features]:
    return [replace(one, embedding=one.embedding + np.float32(by)) for one in features]


def refitted(process: GaussianProcess, points: Points, trends: DoubleArray, unit: DoubleArray) -> GaussianProcess:
    """The process with its hyper-parameters, fitted to other images."""
    precision = 1 / process.noise.variance(points.codes[:, MODALITY])
    target = (unit - process.centre) / process.spread
    return replace(process, posterior=LinearPosterior.fit(process._design(points, trends), target, precision))


@pytest.fixture(scope="module")
def features():
    return random_features(120)


@pytest.fixture(scope="module")
def fitted(features):
    torch.set_num_threads(1)
    return fit_closed_form(
        features, {"noise": known_function(features)}, SCALE, prompts=[CT] * 120, config=QUICK, seed=1
    )


def test_a_known_function_is_learnt(fitted):
    unseen = random_features(80, seed=9)
    prediction = fitted.predict(unseen, [CT] * 80)["noise"]
    assert srocc(prediction.mean, known_function(unseen)) > 0.9


def test_predictions_stay_on_the_scale_and_finite_far_away(fitted):
    prediction = fitted.predict(shifted(random_features(20, seed=3), 50.0), [MR] * 20)["noise"]
    assert prediction.mean.min() >= 1.0
    assert prediction.mean.max() <= 5.0
    assert np.isfinite(prediction.total_std).all()
    assert (prediction.total_std > 0).all()


def test_the_same_seed_gives_the_same_heads(features, fitted):
    again = fit_closed_form(
        features, {"noise": known_function(features)}, SCALE, prompts=[CT] * 120, config=QUICK, seed=1
    )
    first, second = (one.predict(features, [CT] * 120)["noise"] for one in (fitted, again))
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.total_std, second.total_std)


def test_fitting_leaves_the_global_generator_alone(features):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit_closed_form(features, {"noise": known_function(features)}, SCALE, config=FitConfig(epochs=1, members=2))
    assert torch.equal(before, torch.get_rng_state())


def test_one_label_more_equals_fitting_the_process_again(features, fitted):
    new, score = random_features(1, seed=77)[0], 4.5
    updated = fitted.with_label(new, CT, {"noise": score}).processes["noise"]
    seen = fitted.inputs([*features, new], [CT] * 121)
    unit = (np.append(known_function(features), score) - 1.0) / 4.0
    whole = refitted(fitted.processes["noise"], seen.points, seen.trends, unit)
    for one, other in zip(
        updated.predict(seen.points, seen.trends), whole.predict(seen.points, seen.trends), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-8)


def test_one_label_more_moves_the_prediction_towards_it_and_narrows_it(fitted):
    new = shifted(random_features(1, seed=50), 1.0)[0]
    before = fitted.predict([new], [MR])["noise"]
    after = fitted.with_label(new, MR, {"noise": 1.0}).predict([new], [MR])["noise"]
    assert after.mean[0] < before.mean[0]
    assert after.epistemic_std[0] < before.epistemic_std[0]


def test_doubt_grows_away_from_the_scored_images(fitted):
    near = random_features(30, seed=5)
    prompts = [CT] * 30
    far = fitted.predict(shifted(near, 3.0), prompts)["noise"].epistemic_std.mean()
    assert far > 1.5 * fitted.predict(near, prompts)["noise"].epistemic_std.mean()


def test_noisy_scores_give_a_larger_aleatoric_part(features):
    target = known_function(features)
    noisy = np.clip(target + np.random.default_rng(0).normal(0, 0.8, len(target)), 1, 5)
    parts = [
        fit_closed_form(features, {"noise": scores}, SCALE, config=QUICK)
        .predict(features)["noise"]
        .aleatoric_std.mean()
        for scores in (target, noisy)
    ]
    assert parts[1] > 1.5 * parts[0]


def test_the_prompt_decides_where_the_same_embedding_means_another_score(features):
    both, prompts = [*features, *features], [CT] * 120 + [MR] * 120
    target = np.concatenate([known_function(features), 6 - known_function(features)])
    heads = fit_closed_form(both, {"noise": target}, SCALE, prompts=prompts, config=QUICK)
    unseen = random_features(60, seed=9)
    assert srocc(heads.predict(unseen, [CT] * 60)["noise"].mean, known_function(unseen)) > 0.8
    assert srocc(heads.predict(unseen, [MR] * 60)["noise"].mean, known_function(unseen)) < -0.8


def test_an_unknown_prompt_degrades_gently(fitted):
    unseen = random_features(80, seed=9)
    unknown = fitted.predict(unseen)["noise"]
    assert srocc(unknown.mean, known_function(unseen)) > 0.8
    assert unknown.epistemic_std.mean() >= fitted.predict(unseen, [CT] * 80)["noise"].epistemic_std.mean()


def test_a_modality_never_seen_is_strange_and_the_scored_images_are_not(fitted):
    unseen = random_features(60, seed=9)
    ordinary, strange = (fitted.distance(unseen, [prompt] * 60) for prompt in (CT, MR))
    assert np.median(ordinary) < 1.0
    assert strange.min() > ordinary.max()


def test_a_prior_makes_few_scores_go_far(features):
    prior = fit_heads(features, {"quality": known_function(features)}, {"quality": Scale(1, 5)}, config=QUICK, seed=0)
    few = random_features(10, seed=21)
    scores = {"noise": 6 - known_function(few)}
    heads = fit_closed_form(few, scores, SCALE, config=QUICK, initial=prior)
    unseen = random_features(60, seed=22)
    assert srocc(heads.predict(unseen)["noise"].mean, known_function(unseen)) < -0.85


def test_criteria_may_have_holes(features):
    good = known_function(features)
    bad = (6 - good) / 5
    bad[::3] = np.nan
    scales = {"sharp": Scale(1, 5), "noisy": Scale(0, 1, is_higher_better=False)}
    heads = fit_closed_form(features, {"sharp": good, "noisy": bad}, scales, config=QUICK)
    unseen = random_features(60, seed=4)
    predictions = heads.predict(unseen)
    assert srocc(predictions["sharp"].mean, known_function(unseen)) > 0.9
    assert srocc(predictions["noisy"].mean, known_function(unseen)) < -0.9


def test_conformal_intervals_cover_what_they_promise():
    rng = np.random.default_rng(1)

    def scored(count: int, seed: int) -> tuple[list[Features], np.ndarray]:
        own = random_features(count, seed=seed)
        return own, np.clip(known_function(own) + rng.normal(0, 0.5, count), 1, 5)

    features, target = scored(100, 0)
    heads = fit_closed_form(features, {"noise": target}, SCALE, config=QUICK)
    validation, validation_target = scored(100, 31)
    calibrated = heads.with_residuals(residuals_of(heads.predict(validation), {"noise": validation_target}))
    unseen, unseen_target = scored(300, 32)
    prediction = calibrated.predict(unseen)["noise"]
    reach = calibrated.interval_factor("noise", 0.9) * prediction.total_std
    assert np.mean(np.abs(unseen_target - prediction.mean) <= reach) == pytest.approx(0.9, abs=0.07)


def test_heads_survive_a_round_trip(features):
    prior = fit_heads(features, {"quality": known_function(features)}, {"quality": Scale(1, 5)}, config=QUICK)
    heads = fit_closed_form(
        features, {"noise": known_function(features)}, SCALE, prompts=[CT] * 120, config=QUICK, initial=prior
    ).with_residuals({"noise": np.linspace(0.1, 2, 40, dtype=np.float32)})
    again = ClosedFormHeads.from_checkpoint(*heads.to_checkpoint(), prior)
    for prompt in (CT, MR):
        first, second = (one.predict(features, [prompt] * 120)["noise"] for one in (heads, again))
        np.testing.assert_array_equal(first.mean, second.mean)
        np.testing.assert_array_equal(first.total_std, second.total_std)
    np.testing.assert_array_equal(heads.distance(features), again.distance(features))
    assert again.interval_factor("noise", 0.9) == heads.interval_factor("noise", 0.9)
    with pytest.raises(ValueError, match="prior"):
        ClosedFormHeads.from_checkpoint(*heads.to_checkpoint())


def test_heads_from_before_strangeness_had_a_space_of_its_own_measure_it_as_they_did(features, fitted):
    tensors, document = fitted.to_checkpoint()
    old_tensors = {name: value for name, value in tensors.items() if not name.startswith("strangeness.")}
    old = ClosedFormHeads.from_checkpoint(old_tensors, document | {"strangeness": 0.5})
    unseen = random_features(20, seed=9)
    points = old.inputs.points(unseen, [CT] * 20)
    nearest = np.sqrt(squared_distances(points.vectors, old.landmarks.vectors).min(axis=1)) / 0.5
    np.testing.assert_allclose(old.distance(unseen, [CT] * 20), nearest, rtol=1e-5)
    again = ClosedFormHeads.from_checkpoint(*old.to_checkpoint())
    np.testing.assert_array_equal(again.distance(unseen), old.distance(unseen))


def test_the_slice_as_a_whole_does_not_make_an_image_strange(features):
    """It is told to all tokens alike and stands at the end of the embedding."""

    def told(images: list[Features], what: float) -> list[Features]:
        whole = np.full(3, what, dtype=np.float32)
        return [
            replace(
                one,
                embedding=np.append(one.embedding, whole),
                tokens=np.concatenate([one.tokens, np.broadcast_to(whole, (*one.tokens.shape[:-1], 3))], axis=-1),
            )
            for one in images
        ]

    heads = fit_closed_form(told(features, 0.0), {"noise": known_function(features)}, SCALE, config=QUICK)
    unseen = random_features(20, seed=9)
    assert told(unseen, 0.0)[0].patch_numbers == len(unseen[0].embedding) == 24
    np.testing.assert_array_equal(heads.distance(told(unseen, 0.0)), heads.distance(told(unseen, 50.0)))


def test_slice_weights_sum_to_one_and_ignore_padding(fitted):
    features = [*random_features(2, slices=2), *random_features(1, slices=4, seed=8)]
    weights = fitted.predict(features)["noise"].slice_weights
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights[:2, 2:] == 0).all()


def test_progress_is_told_and_cancel_is_obeyed(features):
    told: list[tuple[str, int, int, float]] = []
    with pytest.raises(FittingCancelled):
        fit_closed_form(
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
    [([1.0, 2.0] + [np.nan] * 18, TooFewScores), ([3.0] * 20, ConstantScore), ([1.0] * 19 + [9.0], FittingError)],
)
def test_scores_that_cannot_be_learnt_are_refused(values, error):
    with pytest.raises(error):
        fit_closed_form(random_features(20), {"noise": np.array(values)}, SCALE)


def test_nothing_gives_nothing_and_prompts_must_match(fitted):
    assert len(fitted.predict([])["noise"].mean) == 0
    with pytest.raises(ValueError, match="prompts"):
        fitted.predict(random_features(3), [CT])
