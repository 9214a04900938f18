"""What colours are as grey values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian

from inference.mediqa.reading import read_path
from inference.mediqa.sources import read_sources

INDICES = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 4


def ultrasound(pixels: np.ndarray, **elements: object) -> Dataset:
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    for name in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        if name in dataset:
            del dataset[name]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Modality, dataset.Rows, dataset.Columns = "US", *pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    for name, value in elements.items():
        setattr(dataset, name, value)
        if name.endswith("Descriptor"):
            dataset[name].VR = "US"
    return dataset


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
    for pixels in (image.pixels[0], item.pixels):
        np.testing.assert_allclose(pixels, expected, atol=0.1)
