from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf

from inference.mediqa import ImageArray, Prompt
from inference.mediqa.explanations import ALIKE, TileMap, patch_maps, spread, weights_over
from inference.mediqa.heads.closed_form import fit_closed_form
from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.heads.token_heads import BATCH, HeadEnsemble, HeadNetwork
from inference.mediqa.types import Features, Scale
from tests.mediqa.conftest import phantom, random_features

QUICK = FitConfig(epochs=3, members=2, hidden=4)


def features(boxes, slices=(3,)) -> Features:
    tiles = np.tile(np.array(boxes, dtype=np.float32), (len(slices), 1, 1))
    return Features(
        embedding=np.zeros(2, dtype=np.float32),
        tokens=np.zeros((len(slices), 4 * len(boxes), 2), dtype=np.float16),
        slice_indices=np.array(slices),
        salience=np.ones(9, dtype=np.float32),
        tile_boxes=tiles,
        prompt_codes=np.zeros(4, dtype=np.int64),
        prompt_confidence=np.zeros(4, dtype=np.float32),
    )


def test_patches_lie_in_row_order_over_the_box_of_their_tile():
    weights = np.array([[1, 2, 3, 4, 0, 0, 8, 0]], dtype=np.float32) / 18
    (only,) = patch_maps(features([(0, 0, 40, 40), (10, 20, 26, 36)]), weights)
    assert only.slice_index == 3
    whole, crop = only.tiles
    assert whole.box == (0, 0, 40, 40)
    assert whole.weights == pytest.approx(np.array([[0.125, 0.25], [0.375, 0.5]]))
    assert crop.box == (10, 20, 26, 36)
    assert crop.weights.tolist() == [[0, 0], [1, 0]]


def test_the_whole_view_is_the_square_around_the_slice():
    (only,) = patch_maps(features([(0, 0, 30, 50)]), np.full((1, 4), 0.25, dtype=np.float32))
    assert only.tiles[0].box == (-10, 0, 40, 50)


def test_the_largest_weight_of_the_image_is_one_and_slices_keep_their_order():
    weights = np.array([[0.7, 0.1, 0.1, 0.1], [0.25] * 4], dtype=np.float32)
    maps = patch_maps(features([(0, 0, 8, 8)], slices=(1, 6)), weights)
    assert [one.slice_index for one in maps] == [1, 6]
    assert maps[0].tiles[0].weights.max() == 1
    assert maps[1].tiles[0].weights.max() == pytest.approx(0.357)


def test_a_place_that_two_tiles_show_counts_as_they_do_on_average_and_one_that_none_shows_not_at_all():
    tiles = [TileMap((0, 0, 4, 6), np.full((2, 2), 0.2)), TileMap((0, 4, 4, 6), np.full((2, 2), 1.0))]
    counted = weights_over(tiles, size=(4, 8), shape=(2, 4))
    np.testing.assert_allclose(counted, [[0.2, 0.2, 0.6, 0.0]] * 2)


def test_between_the_middles_of_patches_weights_go_linearly():
    """Of two patches along 8 pixels the middles lie at 2 and 6; before and behind them nothing changes any more."""
    counted = weights_over([TileMap((0, 0, 8, 8), np.array([[0.0, 1.0]]))], size=(8, 8), shape=(1, 8))
    np.testing.assert_allclose(counted, [[0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]])


def test_shares_go_from_the_least_to_the_most_and_are_0_where_weights_hardly_differ():
    np.testing.assert_allclose(spread(np.array([0.25, 0.5, 0.75])), [0, 0.5, 1])
    np.testing.assert_array_equal(spread(np.array([0.5, 0.5 + ALIKE / 2])), [0, 0])


def weighing(members: int) -> HeadEnsemble:
    """Heads that judge nothing and weigh a patch by sigmoid(gelu(its number) * (1 + member))."""
    network = HeadNetwork(channels=1, criteria=1, members=members, hidden=1)
    with torch.no_grad():
        network.trunk.fill_(1.0)
        network.out[:, 0, 1] = 1.0 + torch.arange(members)
    return HeadEnsemble(("noise",), {"noise": Scale(0, 4)}, network)


def numbers(slices: int, seed: int) -> Features:
    tokens = np.random.default_rng(seed).normal(size=(slices, 4, 1)).astype(np.float16)
    return replace(features([(0, 0, 8, 8)], slices=tuple(range(slices))), tokens=tokens)


def test_patch_weights_are_those_that_the_score_is_made_with():
    """In closed form, over more images than go at once, of one and of three slices."""
    images = [numbers(slices, seed) for seed, slices in enumerate([1, 3] * BATCH)]
    found = weighing(members=2).predict(images)["noise"].patch_weights
    for one, weights in zip(images, found, strict=True):
        x = one.tokens[..., 0].astype(float)
        by_member = [1 / (1 + np.exp(-(1 + member) * 0.5 * x * (1 + erf(x / np.sqrt(2))))) for member in range(2)]
        expected = np.mean([own / own.sum(axis=1, keepdims=True) for own in by_member], axis=0)
        np.testing.assert_allclose(weights[: len(x)], expected, atol=1e-5)


def test_the_default_heads_show_the_patches_of_the_prior_that_they_listen_to():
    images = random_features(60)
    scores = {"noise": np.linspace(0, 4, 60)}
    prior = fit_heads(images, scores, {"noise": Scale(0, 4)}, config=QUICK, seed=0)
    heads = fit_closed_form(images, scores, {"noise": Scale(0, 4)}, config=QUICK, seed=0, initial=prior)
    found = heads.predict(images)["noise"].patch_weights
    np.testing.assert_array_equal(found, prior.predict(images)["noise"].patch_weights)
    assert found.std() > 0


def test_without_a_prior_every_patch_counts_alike():
    images = [*random_features(20, slices=2), *random_features(20, slices=4, seed=8)]
    scores = {"noise": np.linspace(0, 4, 40)}
    heads = fit_closed_form(images, scores, {"noise": Scale(0, 4)}, config=QUICK, seed=0)
    found = heads.predict(images)["noise"].patch_weights
    assert found[0, :2] == pytest.approx(1 / images[0].tokens.shape[1])
    assert (found[:20, 2:] == 0).all()


def test_the_patches_of_an_image_are_its_own_among_others(predictor):
    images = [ImageArray(phantom(slices, seed=slices), Prompt("3D", "CT", "head", "soft_kernel")) for slices in (6, 2)]
    found = predictor.encode(images)
    together = predictor.score(found, prompts=[image.prompt for image in images], scales={})
    for image, own, one in zip(images, found, together, strict=True):
        (alone,) = predictor.score([own], prompts=[image.prompt], scales={})
        np.testing.assert_allclose(one.patch_weights.sum(axis=1), 1.0, atol=1e-4)
        np.testing.assert_allclose(one.patch_weights, alone.patch_weights, atol=1e-6)
        document = patch_maps(own, one.patch_weights)[0].to_document()
        assert document["slice"] == int(own.slice_indices[0])
        assert len(document["tiles"]) == predictor.config.tiles
