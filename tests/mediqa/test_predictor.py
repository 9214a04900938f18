import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa import Features, ImageArray, Prompt, Scale, UnscorableImage
from inference.mediqa.heads.closed_form import fit_closed_form
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.physics import Subject, degrade
from inference.mediqa.predictor import Predictor
from inference.mediqa.prompt import MODALITY
from inference.mediqa.simulation.copies import image_of, subject_of
from inference.mediqa.simulation.evaluation import evaluate_predictor

from .conftest import phantom

SCALES = {"overall": Scale(0.0, 4.0), "noise": Scale(1.0, 5.0, is_higher_better=False)}


def images() -> list[ImageArray]:
    return [
        ImageArray(phantom(12), Prompt("3D", "MR", "head", "t1")),
        ImageArray(phantom(1, side=90, seed=1), Prompt("2D", "XR", "chest", "frontal")),
        ImageArray(phantom(3, side=200, seed=2) * 10 - 1000, Prompt("3D", "CT", "abdomen", "soft_kernel")),
    ]


def test_held_out_images_are_ordered_better_than_chance(predictor, held_out_slices):
    """The copies are made by the physics from images of pydicom, of the kinds that the network learnt; chance is 0."""
    evaluation = evaluate_predictor(predictor, held_out_slices, seed=3, copies=48)
    assert evaluation.copies == 240
    assert evaluation.srocc.lower > 0.3
    assert evaluation.within > 0.5


def test_none_of_the_test_images_was_trained_on(predictor):
    assert not any("pydicom" in source for source in predictor.training["sources"])
    assert any("pydicom" in source for source in predictor.training["held_out"])


def test_shapes_of_features(predictor):
    features = predictor.encode(images())
    config = predictor.config
    for one, count in zip(features, (5, 1, 3), strict=True):
        assert one.tokens.shape == (count, config.tokens, config.token_size)
        assert one.embedding.shape == (config.embedding_size,) == (256,)
        assert one.embedding.dtype == np.float32


def test_what_is_named_is_said_by_the_expert_that_counts_in_the_modality(predictor):
    network = Network(predictor.config).eval()
    network.load_state_dict(predictor.network.state_dict())
    network.whole.shares[:] = torch.linspace(0.0, 1.0, len(network.whole.shares))
    judged = Predictor(network, predictor.prior, predictor.ood, device="cpu")
    features = predictor.encode(images())
    for one, said in zip(features, judged.severities(features), strict=True):
        tokens = torch.from_numpy(one.tokens).float()
        patches = network.judge_patches(tokens).severities.mean(0)
        whole = network.judge_whole(network.whole_of(tokens)).severities.mean(0)
        share = float(network.whole.shares[one.prompt_codes[MODALITY]])
        np.testing.assert_allclose(list(said.values()), (1 - share) * patches + share * whole, atol=1e-5)


def test_a_batch_equals_single_images(predictor):
    together = predictor.encode(images())
    alone = [predictor.encode([image])[0] for image in images()]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-4)
        np.testing.assert_allclose(one.tokens.astype(float), other.tokens.astype(float), atol=1e-2)
    prompts = [image.prompt for image in images()]
    batch = predictor.score(together, prompts=prompts, scales=SCALES)
    for scored, features, prompt in zip(batch, alone, prompts, strict=True):
        (single,) = predictor.score([features], prompts=[prompt], scales=SCALES)
        assert scored.scores["overall"].quality == pytest.approx(single.scores["overall"].quality, abs=1e-2)


def test_encoding_twice_gives_the_same(predictor):
    one, two = predictor.encode(images()), predictor.encode(images())
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.tokens, second.tokens)


def test_without_expert_scores_the_prior_is_mapped_to_each_scale(predictor):
    prompts = [image.prompt for image in images()]
    for scored in predictor.score(predictor.encode(images()), prompts=prompts, scales=SCALES):
        overall, noise = scored.scores["overall"], scored.scores["noise"]
        assert overall.is_prior
        assert noise.is_prior
        assert overall.quality / 4 == pytest.approx(1 - (noise.quality - 1) / 4)
        for score, scale in ((overall, SCALES["overall"]), (noise, SCALES["noise"])):
            assert scale.minimum <= score.lower <= score.quality <= score.upper <= scale.maximum
            assert score.aleatoric_std >= 0.2 * scale.span
            assert score.upper - score.lower > 0.3 * scale.span


def test_the_priors_members_count_less_by_as_much_as_an_image_is_strange(predictor, monkeypatch):
    features, prompts = predictor.encode(images()[1:2]), [images()[1].prompt]
    said = []
    for distance in (0.5, 1.0, 3.0):  # up to 1, which 5 % of the images learnt from reach, nothing is strange
        monkeypatch.setattr(Predictor, "distance", lambda *_, far=distance: np.array([far], dtype=np.float32))
        (scored,) = predictor.score(features, prompts=prompts, scales=SCALES)
        said.append(scored.scores["overall"])
    assert said[0] == said[1]
    assert said[2].epistemic_std == pytest.approx(3 * said[1].epistemic_std)
    assert said[2].aleatoric_std == said[1].aleatoric_std


def test_slice_weights_and_physics_come_with_the_score(predictor):
    scored = predictor.score(predictor.encode(images()), prompts=[image.prompt for image in images()], scales=SCALES)
    for one, count in zip(scored, (5, 1, 3), strict=True):
        assert one.slice_weights.shape == (count,)
        assert one.slice_weights.sum() == pytest.approx(1.0, abs=1e-5)
        assert np.isfinite(one.ood_distance)
    assert "kspace_share" in scored[0].physical
    assert "relative_dose" in scored[1].physical
    assert 0 < scored[2].physical["relative_dose"] <= 1


def test_a_tenth_of_the_dose_is_seen_as_less_dose_and_less_quality(predictor, ct_slice):
    subject = subject_of(ct_slice)
    reduced = degrade(subject, {"dose": 0.8}, torch.Generator().manual_seed(0)).numpy()
    pair = [image_of(ct_slice, ct_slice.pixels), image_of(ct_slice, reduced)]
    full, low = predictor.score(predictor.encode(pair), prompts=[ct_slice.prompt] * 2, scales=SCALES)
    assert low.physical["relative_dose"] < full.physical["relative_dose"]
    assert low.scores["overall"].quality < full.scores["overall"].quality


def test_one_spoilt_slice_of_a_long_series_lowers_the_score(predictor, ct_slice):
    volume = np.repeat(ct_slice.pixels[None, ::2, ::2], 40, axis=0)
    spoilt = volume.copy()
    subject = Subject(torch.from_numpy(volume[0].copy()), "CT", low=-1000, high=400)
    spoilt[23] = degrade(subject, {"dose": 0.9}, torch.Generator().manual_seed(0)).numpy()
    prompt = Prompt("3D", "CT", ct_slice.prompt.region, "soft_kernel")
    features = predictor.encode([ImageArray(volume, prompt), ImageArray(spoilt, prompt)])
    assert 23 in features[1].slice_indices
    clean, bad = predictor.score(features, prompts=[prompt] * 2, scales=SCALES)
    assert bad.scores["overall"].quality < clean.scores["overall"].quality
    place = features[1].slice_indices.tolist().index(23)
    assert bad.slice_weights[place] == bad.slice_weights.max()


def test_one_corrupted_slice_among_400_moves_the_score_and_is_named_first(predictor, ct_slice):
    """The volume is one real slice 400 times, each time with noise of 8 HU; the corrupted one has 2 % of the dose."""
    rng, index = np.random.default_rng(0), 287
    base = ct_slice.pixels[::2, ::2]
    volume = np.stack([base + rng.normal(0, 8, base.shape).astype(np.float32) for _ in range(400)])
    prompt = Prompt("3D", "CT", ct_slice.prompt.region, "soft_kernel")
    clean = ImageArray(volume, prompt)
    subject = Subject(torch.from_numpy(volume[index].copy()), "CT", low=-1000, high=400)
    worse = volume.copy()
    worse[index] = degrade(subject, {"dose": 1.0}, torch.Generator().manual_seed(0)).numpy()
    features = predictor.encode([clean, ImageArray(worse, prompt)])
    before, after = predictor.score(features, prompts=[prompt] * 2, scales=SCALES)
    assert after.scores["overall"].quality < before.scores["overall"].quality - 0.05
    assert features[1].slice_indices[int(np.argmax(after.slice_weights))] == index


def test_noise_that_is_no_image_lies_further_away(predictor):
    rng = np.random.default_rng(0)
    checks = (np.indices((256, 256)).sum(0) % 2 * 1000.0)[None] + rng.normal(0, 1, (1, 256, 256))
    strange = ImageArray(checks.astype(np.float32), Prompt("2D", "MR", "head", "t1"))
    plain = images()[0]
    scored = predictor.score(predictor.encode([plain, strange]), prompts=[plain.prompt, strange.prompt], scales=SCALES)
    assert scored[1].ood_distance > scored[0].ood_distance


def test_intervals_hold_as_they_promise_for_images_that_are_all_strange(predictor):
    """Of 19 images that it was calibrated on, a 90 % interval holds ceil(20 * 0.9) = 18: no fewer, and no more."""
    rng, prompt, scales = np.random.default_rng(0), Prompt("2D", "MR", "head", "t1"), {"overall": Scale(-40.0, 44.0)}

    def encoded(patterns: Iterator[np.ndarray]) -> list[Features]:
        return predictor.encode([ImageArray(one, prompt) for one in patterns])

    ordinary = encoded(phantom(1, seed=seed) for seed in range(12))
    strange = encoded(rng.normal(0, 1 + seed, (1, 160, 160)).astype(np.float32) for seed in range(19))
    heads = fit_closed_form(ordinary, {"overall": rng.uniform(0, 4, 12)}, scales, initial=predictor.prior)
    target = rng.uniform(0, 4, 19)
    calibrated = predictor.with_heads(heads, {"snapshot": "17"}).calibrated(strange, {"overall": target}, [prompt] * 19)
    scored = calibrated.score(strange, prompts=[prompt] * 19, scales=scales)
    said = [one.scores["overall"] for one in scored]
    assert min(one.ood_distance for one in scored) > 1
    reach = [max(one.upper - one.quality, one.quality - one.lower) for one in said]
    assert (
        sum(abs(one.quality - value) <= far + 1e-6 for one, value, far in zip(said, target, reach, strict=True)) == 18
    )
    assert calibrated.training["heads"] == {"snapshot": "17"}


def test_only_fitted_heads_are_calibrated(predictor):
    features = predictor.encode(images()[1:2])
    with pytest.raises(ValueError, match="fitted heads"):
        predictor.calibrated(features, {"overall": np.array([1.0])}, [Prompt()])
    heads = fit_closed_form(features * 9, {"overall": np.arange(9) / 4}, {"overall": Scale(0, 4)})
    model = predictor.with_heads(heads)
    assert model.calibrated([], {"overall": np.zeros(0)}, []) is model


def test_what_cannot_be_scored_is_refused_and_the_rest_can_go_on(predictor):
    bad = ImageArray(np.zeros((1, 64, 64), dtype=np.float32), Prompt())
    with pytest.raises(UnscorableImage):
        predictor.encode([images()[0], bad])
    prepared, reasons = [], []
    for image in (images()[0], bad, images()[1]):
        try:
            prepared.append(predictor.prepare(image))
        except UnscorableImage as refusal:
            reasons.append(refusal.reason)
    assert reasons == ["constant"]
    assert len(predictor.encode_prepared(prepared)) == 2


def test_nothing_gives_nothing(predictor):
    assert predictor.encode([]) == []
    assert predictor.score([], prompts=[], scales=SCALES) == []


def test_prompts_must_match_the_images(predictor):
    with pytest.raises(ValueError, match="prompts"):
        predictor.score(predictor.encode(images()[:1]), prompts=[], scales=SCALES)


def test_the_package_works_without_django():
    script = (
        "import sys; from inference.mediqa import Predictor, fit_heads, prompt_from_header; Predictor.load();"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('django', 'annotations')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_numpy_parts_do_not_load_torch():
    script = (
        "import sys; import inference.mediqa.types, inference.mediqa.prompt, inference.mediqa.metrics,"
        "inference.mediqa.acquisition, inference.mediqa.heads.uncertainty, inference.mediqa.slices,"
        "inference.mediqa.heads.fitting;"
        "import inference.mediqa.checkpoint;"
        "from inference.mediqa import Prompt, UnscorableImage; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_thickness_is_told_by_networks_that_look_across_slices_only(predictor, ct_slice):
    image = image_of(ct_slice, ct_slice.pixels)
    across = Predictor(Network(NetworkConfig()), predictor.prior, predictor.ood, device="cpu")
    for model, is_told in ((predictor, False), (across, True)):
        (scored,) = model.score(model.encode([image]), prompts=[image.prompt], scales={"q": Scale(0, 4)})
        assert ("added_slice_thickness_mm" in scored.physical) is is_told
        assert "relative_dose" in scored.physical


@pytest.mark.parametrize("setting", ["keeps_screen", "whole_floored"])
def test_features_that_see_something_else_have_another_name(predictor, setting):
    network, other = (Network(replace(predictor.config, **{setting: value})) for value in (True, False))
    other.load_state_dict(network.state_dict())
    names = {Predictor(one, predictor.prior, predictor.ood, device="cpu").features_version for one in (network, other)}
    assert len(names) == 2
