"""What colours are as grey values, and which values are stored as a screen showed them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from pydicom import Dataset

from inference.mediqa.reading import read_path
from inference.mediqa.simulation.colours import screen_of
from inference.mediqa.simulation.sources import read_sources
from inference.mediqa.types import SCREEN
from tests.mediqa.conftest import ultrasound

INDICES = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 4


def with_palette(colours: list[int]) -> dict[str, object]:
    """The same grey values, declared to have 16 bits, as red, green and blue."""
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    data = np.asarray(colours, np.uint16).tobytes()
    descriptors = {f"{name}Descriptor": [len(colours), 0, 16] for name in names}
    return {"PhotometricInterpretation": "PALETTE COLOR", **descriptors, **{f"{name}Data": data for name in names}}


@pytest.mark.parametrize(
    ("colours", "shown"), [([40_000, 0, 65_535, 200], [156, 0, 255, 0]), ([200, 0, 255, 40], [200, 0, 255, 40])]
)
def test_a_palette_is_looked_up_by_both_readers_and_is_no_scale_of_grey(tmp_path: Path, colours, shown):
    ultrasound(INDICES, **with_palette(colours)).save_as(tmp_path / "a.dcm")
    expected = np.asarray(shown, dtype=np.float32)[INDICES]
    image = read_path(tmp_path / "a.dcm").image
    (item,) = read_sources([tmp_path])
    for pixels, screen in ((image.pixels[0], image.screen), (item.pixels, item.screen)):
        np.testing.assert_allclose(pixels, expected, atol=0.1)
        assert screen == SCREEN


@pytest.mark.parametrize(
    ("elements", "is_shown"),
    [
        ({}, True),
        ({"RescaleSlope": 1, "RescaleIntercept": 0}, True),
        ({"RescaleSlope": 2, "RescaleIntercept": 0}, False),
        ({"RescaleSlope": 1, "RescaleIntercept": -20}, False),
        ({"BitsStored": 7}, False),
        ({"BitsAllocated": 16}, False),
        ({"PixelRepresentation": 1}, False),
        ({"ModalityLUTSequence": [Dataset()]}, False),
    ],
)
def test_only_eight_bits_that_stand_for_nothing_else_are_as_a_screen_showed_them(elements, is_shown):
    assert (screen_of(ultrasound(INDICES, **elements)) == SCREEN) is is_shown


def test_pictures_of_eight_bits_are_as_shown_and_finer_ones_may_be_anything(tmp_path: Path):
    from_bytes, from_words = tmp_path / "us_a" / "8.png", tmp_path / "16.png"
    from_bytes.parent.mkdir()
    for path, dtype in ((from_bytes, np.uint8), (from_words, np.uint16)):
        PillowImage.fromarray(INDICES.astype(dtype) * 50).save(path)
    assert read_path(from_bytes).image.screen == SCREEN
    assert read_path(from_words).image.screen is None
    assert read_sources([from_bytes.parent])[0].screen == SCREEN
