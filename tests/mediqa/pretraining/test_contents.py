"""Generated images, and how real ones are fitted."""

from dataclasses import replace

import numpy as np
import pytest

from inference.mediqa.pretraining.contents import fitted, radiograph, with_generated
from inference.mediqa.types import Prompt
from tests.mediqa.pretraining.slices import item


def test_generated_images_are_finite_and_named():
    generated = with_generated([item("a")], 1)
    assert {one.source for one in generated} >= {"a", "generated_fundi", "generated_mammograms", "generated_bones"}
    assert all(np.isfinite(one.pixels).all() and one.pixels.std() > 0 for one in generated)
    assert {one.source for one in generated if one.screen} == {"generated_fundi", "generated_ultrasound"}
    again = with_generated([item("a")], 1)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(generated, again, strict=True))


def test_real_ultrasound_is_shown_on_screens_too():
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0))
    generated = with_generated([shown, item("a")], 2)
    assert [one.source for one in generated].count("generated_screens_us") == 2


def test_the_number_of_workers_changes_no_generated_image():
    alone, together = (with_generated([item("a")], 1, workers=workers) for workers in (1, 2))
    assert [one.source for one in alone] == [one.source for one in together]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(alone, together, strict=True))


def test_a_large_image_is_binned_and_cropped_at_its_own_resolution():
    large = replace(item("a"), pixels=np.random.default_rng(0).normal(size=(1500, 2100)).astype(np.float32))
    whole, *crops = fitted(large, np.random.default_rng(0))
    assert whole.pixels.shape == (500, 700)
    assert whole.spacing_mm == pytest.approx(3.0)
    assert whole.pixels.std() == pytest.approx(large.pixels.std() / 3, rel=0.05)  # binning averages noise
    assert {crop.pixels.shape for crop in crops} == {(640, 640)}


def test_a_radiograph_of_a_block_has_its_line_integral():
    block = np.full((64, 64), -1000.0, dtype=np.float32)
    block[16:48, 24:40] = 0.0
    slices = [
        replace(item("ct", seed=index), pixels=block, prompt=Prompt("3D", "CT", "chest"), position_mm=2.0 * index)
        for index in range(12)
    ]
    frontal, lateral = radiograph(slices, 0.0), radiograph(slices, 90.0)
    assert frontal.shape == (22, 64)
    assert frontal[10, 32] == pytest.approx(32 * 0.0192, rel=0.01)
    assert lateral[10, 32] == pytest.approx(16 * 0.0192, rel=0.01)
