import numpy as np
import pytest

from inference.mediqa import ImageArray, Prompt
from inference.mediqa.explanations import patch_maps
from inference.mediqa.types import Features
from tests.mediqa.conftest import phantom


def features(boxes, slices=(3,)) -> Features:
    tiles = np.tile(np.array(boxes, dtype=np.float32), (len(slices), 1, 1))
    return Features(
        embedding=np.zeros(2, dtype=np.float32),
        tokens=np.zeros((len(slices), 4 * len(boxes), 2), dtype=np.float16),
        slice_indices=np.array(slices),
        salience=np.ones(9, dtype=np.float32),
        tile_boxes=tiles,
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


def test_the_patches_of_a_slice_share_what_it_counts_for(predictor):
    image = ImageArray(phantom(6), Prompt("3D", "CT", "head", "soft_kernel"))
    found = predictor.encode([image])
    (one,) = predictor.score(found, prompts=[image.prompt], scales={})
    np.testing.assert_allclose(one.patch_weights.sum(axis=1), 1.0, atol=1e-4)
    document = patch_maps(found[0], one.patch_weights)[0].to_document()
    assert document["slice"] == int(found[0].slice_indices[0])
    assert len(document["tiles"]) == predictor.config.tiles
