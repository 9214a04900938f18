import numpy as np
import pytest

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.preprocessing import (
    PreprocessingConfig,
    across,
    choose_corners,
    is_stack,
    luminance,
    prepare,
    stacked,
    window_ranges,
    windowed,
)
from inference.mediqa.types import ImageArray, Prompt

from .conftest import phantom


def image(pixels, modality="MR", **more):
    return ImageArray(pixels=np.asarray(pixels, dtype=np.float32), prompt=Prompt(modality=modality), **more)


ACROSS = PreprocessingConfig(tile=32, crops=2, looks_across=True)
SPACING_MM = (3.0, 1.0, 1.0)


def test_across_a_body_that_changes_evenly_only_the_ends_differ_from_what_lies_beside():
    pixels = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 20, 20), dtype=np.float32)
    ranges = ((0.0, 4.0), (1.0, 3.0))
    found = [float(across(pixels, index, ranges).mean()) for index in range(5)]
    assert found == pytest.approx([-0.25, 0, 0, 0, 0.25])
    pixels[2] += 2  # what befell one slice alone: half of the range, and half of that beside it
    found = [float(across(pixels, index, ranges)[0, 3, 4]) for index in range(5)]
    assert found == pytest.approx([-0.25, -0.25, 0.5, -0.25, 0.25])


def test_the_third_channel_is_that_difference_at_native_resolution():
    volume = image(phantom(3, side=80), spacing_mm=SPACING_MM)
    prepared = prepare(volume, ACROSS)
    assert prepared.tiles.shape == (3, 3, 3, 32, 32)
    row, column = prepared.tile_boxes[1, 1, :2].astype(int)
    expected = across(volume.pixels, 1, window_ranges(volume.pixels, volume))[0, row : row + 32, column : column + 32]
    np.testing.assert_allclose(prepared.tiles[1, 1, 2], expected, atol=1e-3)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize(
    ("slices", "modality", "spacing_mm"),
    [(1, "MR", SPACING_MM), (3, "US", SPACING_MM), (3, "MR", None), (3, "CT", (None, 1, 1)), (3, "CT", (7.0, 1, 1))],
)
def test_what_is_no_stack_of_near_slices_has_nothing_beside(slices, modality, spacing_mm):
    volume = image(phantom(slices, side=80), modality=modality, spacing_mm=spacing_mm)
    assert not is_stack(volume)
    assert not prepare(volume, ACROSS).tiles[:, :, 2].any()


def test_only_the_judged_slices_are_picked_and_seen_as_if_all_were():
    pixels = phantom(9, side=80)
    every = prepare(image(pixels[2:5], spacing_mm=SPACING_MM), ACROSS)
    one = prepare(image(pixels[2:5], spacing_mm=SPACING_MM, judged=(1,)), ACROSS)
    assert one.slice_indices.tolist() == [1]
    assert len(one.salience) == 3
    assert one.tiles[0, :, 2].std() > 0.001
    assert every.slice_indices.tolist() == [0, 1, 2]
    alone = prepare(image(pixels[3:4]), ACROSS)
    np.testing.assert_array_equal(one.tiles[:, :, :2], alone.tiles[:, :, :2])


def test_shapes_of_a_volume():
    prepared = prepare(image(phantom(9)))
    assert prepared.tiles.shape == (5, 5, 2, 128, 128)
    assert prepared.tiles.dtype == np.float16
    assert prepared.tile_boxes.shape == (5, 5, 4)
    assert prepared.salience.shape == (9,)
    assert len(prepared.slice_indices) == 5


def test_crops_are_native_pixels():
    pixels = phantom(1, side=300)
    prepared = prepare(image(pixels))
    low, high = window_ranges(pixels, image(pixels))[0]
    row, column = prepared.tile_boxes[0, 1, :2].astype(int)
    native = (pixels[0, row : row + 128, column : column + 128] - low) / (high - low)
    np.testing.assert_allclose(prepared.tiles[0, 1, 0], np.clip(native, -0.25, 1.25), atol=1e-3)


def test_noise_survives_in_crops_and_is_averaged_in_the_whole_view():
    rng = np.random.default_rng(0)
    pixels = rng.normal(0, 1, size=(1, 512, 512)).astype(np.float32)
    prepared = prepare(image(pixels))
    crop, whole = prepared.tiles[0, 1, 0].astype(float), prepared.tiles[0, 0, 0].astype(float)
    assert crop.std() > 3 * whole.std()  # 4 x 4 pixels are averaged: a factor of 4


def test_monochrome1_is_inverted_and_a_negative_of_it_gives_the_same_tiles():
    pixels = phantom(1)
    same = prepare(image(pixels, window=(60.0, 200.0)))
    negative = prepare(image(-pixels, is_inverted=True, window=(-60.0, 200.0)))
    np.testing.assert_allclose(same.tiles[:, :, 1], negative.tiles[:, :, 1], atol=2e-3)


def test_ct_windows_are_fixed_in_hounsfield_units():
    pixels = np.linspace(-1000, 400, 128 * 128).reshape(1, 128, 128)
    view = windowed(pixels[0], window_ranges(pixels, image(pixels, "CT")), is_inverted=False)
    assert view[0].min() == pytest.approx(0.0)
    assert view[0].max() == pytest.approx(1.0)
    assert np.interp(40.0, pixels[0].ravel(), view[1].ravel()) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("window", [(1e9, 5.0), (50.0, -1.0), (float("nan"), 10.0), (0.0, 1e9)])
def test_a_useless_header_window_is_ignored(window):
    pixels = phantom(1)
    assert window_ranges(pixels, image(pixels, window=window)) == window_ranges(pixels, image(pixels))


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 17, 900), (3, 64, 40), (1, 4000, 5000), (2, 127, 129)])
def test_any_reasonable_shape_gives_finite_tiles(shape):
    pixels = np.random.default_rng(0).random(shape).astype(np.float32)
    prepared = prepare(image(pixels))
    assert np.isfinite(prepared.tiles).all()
    assert prepared.tiles.shape[1:] == (5, 2, 128, 128)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.ones((1, 1, 1)), "too_small"),
        (np.ones((1, 600, 8)), "too_small"),
        (np.ones((1, 64, 64)), "constant"),
        (np.full((1, 64, 64), np.nan), "not_finite"),
        (np.ones((64, 64)), "wrong_shape"),
        (np.ones((0, 64, 64)), "empty"),
        (np.full((1, 64, 64), np.inf), "not_finite"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_its_reason(pixels, reason):
    with pytest.raises(UnscorableImage) as refused:
        prepare(image(pixels))
    assert refused.value.reason == reason


def test_planes_are_stacked_as_they_come_and_must_be_alike_and_as_many_as_announced():
    planes = phantom(3)
    np.testing.assert_array_equal(stacked(iter(planes), 3), planes)
    for wrong, reason in (([], "empty"), ([planes[0], planes[0][:80]], "wrong_shape")):
        with pytest.raises(UnscorableImage) as refused:
            stacked(wrong, len(wrong))
        assert refused.value.reason == reason
    for count in (2, 4):
        with pytest.raises(ValueError, match="argument"):
            stacked(iter(planes), count)


def test_crops_lie_where_the_detail_is_and_avoid_each_other():
    """Computed one place after the other, by the definition."""
    view = windowed(phantom(1, side=300)[0], ((0.0, 100.0), (20.0, 150.0)), is_inverted=False)
    steps = sorted({round(place) for place in np.linspace(0, 172, 4)})
    places = [(row, column) for row in steps for column in steps]
    interest = []
    for row, column in places:
        crop = view[1, row : row + 128 : 4, column : column + 128 : 4]
        interest.append(0.05 + np.mean((crop > 0.1) & (crop < 1.1)) + min(crop.std(), 0.5))
    expected = []
    for _ in range(4):
        best = places[int(np.argmax(interest))]
        expected.append(best)
        shared = [max(0, 128 - abs(best[0] - r)) * max(0, 128 - abs(best[1] - c)) / 128**2 for r, c in places]
        interest = [one * (1 - 0.95 * part) for one, part in zip(interest, shared, strict=True)]
    assert choose_corners(view, 4, 128) == expected


def test_a_few_holes_are_filled():
    pixels = phantom(1)
    pixels[0, :3, :3] = np.nan
    assert np.isfinite(prepare(image(pixels)).tiles).all()


def test_infinite_values_are_holes_too():
    pixels = phantom(2)
    pixels[1, :3, :3], pixels[0, 5, 5] = np.inf, -np.inf
    prepared = prepare(image(pixels))
    assert np.isfinite(prepared.tiles).all()
    assert np.isfinite(prepared.salience).all()


def test_extreme_values_do_not_overflow():
    pixels = phantom(1)
    pixels[0, 0, 0], pixels[0, 0, 1] = 3e38, -3e38
    assert np.isfinite(prepare(image(pixels)).tiles).all()


def test_preparing_twice_gives_the_same():
    one, two = prepare(image(phantom(7))), prepare(image(phantom(7)))
    np.testing.assert_array_equal(one.tiles, two.tiles)
    np.testing.assert_array_equal(one.tile_boxes, two.tile_boxes)


def test_the_given_pixels_are_not_changed():
    pixels = phantom(2)
    before = pixels.copy()
    prepare(image(pixels), PreprocessingConfig(slices=1))
    np.testing.assert_array_equal(pixels, before)


def test_luminance_weights_sum_to_one():
    assert luminance(np.full((2, 2, 3), 10.0, dtype=np.float32)) == pytest.approx(10.0)


@pytest.mark.parametrize("modality", ["US", "OP", "OPT"])
def test_what_a_screen_showed_too_dark_stays_dark(modality):
    dark = phantom(1, side=96)
    dark = 60 * (dark - dark.min()) / (dark.max() - dark.min())
    shown = image(dark, modality, screen=(0.0, 255.0))
    kept, stretched = (prepare(shown, PreprocessingConfig(keeps_screen=keeps)).tiles[0] for keeps in (True, False))
    assert kept[:, 0].max() == pytest.approx(60 / 255, abs=1e-3)
    assert stretched[:, 0].max() > 0.95
    np.testing.assert_array_equal(kept[:, 1], stretched[:, 1])


@pytest.mark.parametrize(("modality", "screen"), [("US", None), ("MR", (0.0, 255.0)), ("", (0.0, 255.0))])
def test_of_other_images_the_range_is_their_own(modality, screen):
    pixels = phantom(1, side=96)
    (low, high), _ = window_ranges(pixels, image(pixels, modality, screen=screen))
    assert (low, high) == pytest.approx(tuple(np.percentile(pixels, (0.1, 99.9))), rel=1e-3)
