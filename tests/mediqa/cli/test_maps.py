"""The picture of an image: what is drawn where, and under which name it is kept."""

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from inference.mediqa import ImageArray, Prompt
from inference.mediqa.cli.maps import SIDE, SIDE_ALONE, draw_map, keep_map
from inference.mediqa.cli.sheet import GAP, LINE, words
from inference.mediqa.types import Features, Scored

RAMP = np.tile(np.linspace(0, 100, 64, dtype=np.float32), (64, 1))


def features(rows: int, columns: int, crops=(), slices=(0,)) -> Features:
    boxes = np.array([[(0, 0, rows, columns), *crops]] * len(slices), dtype=np.float32)
    return Features(
        embedding=np.zeros(2, dtype=np.float32),
        tokens=np.zeros((len(slices), 4 * boxes.shape[1], 2), dtype=np.float16),
        slice_indices=np.array(slices),
        salience=np.ones(9, dtype=np.float32),
        tile_boxes=boxes,
        prompt_codes=np.zeros(4, dtype=np.int64),
        prompt_confidence=np.zeros(4, dtype=np.float32),
    )


def drawn(image: ImageArray, weights, own: Features | None = None) -> np.ndarray:
    own = own or features(*image.pixels.shape[1:])
    patches = np.array(weights, dtype=np.float32).reshape(len(own.slice_indices), -1)
    shares = np.full(len(own.slice_indices), 1 / len(own.slice_indices), dtype=np.float32)
    scored = Scored({}, shares, patches / patches.sum(axis=1, keepdims=True), {}, 0.0)
    return np.asarray(draw_map(image, own, scored, keeps_screen=True, said=["name", "quality: 1"]))


def halves(sheet: np.ndarray, height: int = SIDE_ALONE, width: int = SIDE_ALONE) -> tuple[np.ndarray, np.ndarray]:
    """The plain slice and the one beside it, of an image of one slice."""
    top = len(sheet) - GAP - LINE - GAP - height
    rows = sheet[top : top + height].astype(int)
    return rows[:, GAP : GAP + width], rows[:, 2 * GAP + width : 2 * GAP + 2 * width]


def colour(pixels: np.ndarray) -> np.ndarray:
    """How far red is above blue: 0 of grey."""
    return pixels[..., 0] - pixels[..., 2]


def test_the_slice_is_grey_and_beside_it_warm_where_the_patch_counts_most():
    plain, warm = halves(drawn(ImageArray(RAMP[None], Prompt("2D", "MR")), [9, 1, 1, 1]))
    assert (colour(plain) == 0).all()
    assert colour(warm)[:150, :150].min() > 90
    assert colour(warm)[470:].max() == 0
    assert plain[:, 1, 0].mean() < 10
    assert plain[:, -2, 0].mean() > 245


def test_where_all_patches_count_alike_nothing_is_drawn_over_the_slice():
    plain, warm = halves(drawn(ImageArray(RAMP[None], Prompt("2D", "MR")), [1, 1, 1, 1]))
    np.testing.assert_array_equal(plain, warm)


def test_a_crop_is_warm_where_it_lies_and_counts_with_the_whole_view():
    own = features(64, 64, crops=[(32, 0, 64, 32)])
    _, warm = halves(drawn(ImageArray(RAMP[None], Prompt("2D", "MR")), [1, 1, 1, 1, 3, 3, 3, 3], own))
    assert colour(warm)[320:, :300].min() > 90
    assert colour(warm)[:300].max() == 0
    assert colour(warm)[:, 320:].max() == 0


def test_an_image_that_is_no_square_is_covered_by_the_square_that_was_looked_at():
    """Of a square around 32 x 64 pixels the upper half of a 2 x 2 grid ends in the middle of the image."""
    image = ImageArray(RAMP[None, :32], Prompt("2D", "MR"))
    _, warm = halves(drawn(image, [9, 9, 1, 1]), height=SIDE_ALONE // 2)
    assert colour(warm)[:20].min() > colour(warm)[-20:].max() > -1


def test_monochrome1_is_shown_as_radiographs_are():
    image = ImageArray(RAMP[None], Prompt("2D", "XR"), is_inverted=True)
    plain, _ = halves(drawn(image, [1, 1, 1, 2]))
    assert plain[:, 1, 0].mean() > 245
    assert plain[:, -2, 0].mean() < 10


@pytest.mark.parametrize(
    ("spacing_mm", "height"),
    [((None, 0.5, 1.0), SIDE_ALONE // 2), ((None, 0.0, 1.0), SIDE_ALONE), ((None, 1000.0, 1.0), SIDE_ALONE)],
)
def test_pixels_are_as_long_and_wide_as_in_the_body_where_that_can_be(spacing_mm, height):
    image = ImageArray(RAMP[None], Prompt("2D", "MR"), spacing_mm=spacing_mm)
    square = drawn(replace(image, spacing_mm=None), [1, 2, 1, 1])
    assert len(square) - len(drawn(image, [1, 2, 1, 1])) == SIDE_ALONE - height


@pytest.mark.parametrize("shape", [(16, 4000), (4000, 16)])
def test_the_longest_strip_that_can_be_scored_is_drawn(shape):
    pixels = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    assert drawn(ImageArray(pixels, Prompt("2D", "MR")), [1, 2, 3, 4]).shape[1] > 800


def test_slices_stand_beside_each_other_above_what_counts_in_them():
    volume = np.stack([RAMP, RAMP.T, RAMP])
    own = features(64, 64, slices=(0, 2))
    sheet = drawn(ImageArray(volume, Prompt("3D", "MR")), [[1, 1, 1, 1], [9, 1, 1, 1]], own)
    bottom = len(sheet) - GAP - LINE - GAP
    second = sheet[bottom - SIDE : bottom, 2 * GAP + SIDE : 2 * GAP + 2 * SIDE].astype(int)
    first = sheet[bottom - SIDE : bottom, GAP : GAP + SIDE].astype(int)
    assert colour(second)[:80, :80].min() > 90
    assert colour(first).max() < 40  # the weight of a patch is against the largest of the image, not of its slice


def test_pixels_that_are_no_numbers_are_drawn_as_they_are_scored():
    pixels = RAMP[None].copy()
    pixels[0, :8] = np.nan
    plain, _ = halves(drawn(ImageArray(pixels, Prompt("2D", "MR")), [1, 2, 1, 1]))
    assert (plain[:60] == 0).all()


HOSTILE = [
    "../../a.png",
    "a\nb\x1b[31m;$(x).png",
    "con\udcff.dcm",
    "straße 日本.nii.gz",
    "ä" * 300,
    "...",
    "",
    ".dcm",
    "a/..",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_map_lies_in_its_folder_under_a_name_that_every_system_takes(name, tmp_path):
    place = keep_map(words("x"), tmp_path, name)
    assert place.parent == tmp_path
    assert os.listdir(tmp_path) == [place.name]
    assert len(place.name.encode()) < 255
    assert not set(place.name) & set("\n\x1b$();/\\ ")
    assert not place.name.startswith(".")
    assert PillowImage.open(place).format == "PNG"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("data/IM.dcm", "IM.png"),
        ("a/T1 (IM1.dcm ...)", "T1_IM1.png"),
        ("4d.nii.gz [2]", "4d.nii.gz_2.png"),
        ("1.2.840.10008", "1.2.840.10008.png"),
    ],
)
def test_a_map_is_named_after_its_image(name, kept, tmp_path):
    assert keep_map(words("x"), tmp_path, name).name == kept


def test_no_map_is_written_over_another_file(tmp_path):
    (tmp_path / "a.png").write_text("mine")
    places = [keep_map(words("x"), tmp_path, name) for name in ("a.png", "b/a.png", "a.dcm")]
    assert [place.name for place in places] == ["a-2.png", "a-3.png", "a-4.png"]
    assert (tmp_path / "a.png").read_text() == "mine"


def test_words_that_are_too_long_or_cannot_be_shown_are_cut_and_marked():
    assert words("w" * 500, 300).width <= 300
    for line, shown in {"a\udcff\n\tb": "a???b", "Hüfte 日": "Hufte ?"}.items():
        np.testing.assert_array_equal(np.asarray(words(line)), np.asarray(words(shown)))
