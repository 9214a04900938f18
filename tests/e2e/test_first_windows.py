"""The first window of every file with one, after pydicom: which attribute, which curve, which ends."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, iter_pixels

from tests.e2e.corpus import Specimen, expected_values, shown_as, specimen, specimens
from tests.e2e.made import made_datasets

# Of the files with a window, those that none of pydicom's decoders takes; the product's own decoding of them is shown.
UNDECODABLE = {
    "J2K_pixelrep_mismatch.dcm",
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
    "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
    "CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm",
}
# Grey levels of 256; pydicom rounds what comes out of a table.
TOLERANCE = 1.5


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_first_window_is_what_pydicom_makes_of_the_header() -> None:
    made = (specimen(name, dataset) for name, dataset in made_datasets())
    windowed = [one for one in itertools.chain(specimens(), made) if has_window(one)]
    assert len(windowed) > 30  # 42 without the shared data
    off, undecodable = dict[str, float](), set[str]()
    for one in windowed:
        values = expected_values(one.dataset, one.opening)
        if values is None:
            undecodable.add(one.name)
        elif (worst := difference(one, values)) > TOLERANCE:
            off[one.name] = worst
    assert off == {}
    assert undecodable <= UNDECODABLE


def has_window(one: Specimen) -> bool:
    return not one.stored.is_colour and ("WindowWidth" in one.dataset or "VOILUTSequence" in one.dataset)


def difference(one: Specimen, values: NDArray[np.float64]) -> float:
    (frame,) = iter_pixels(one.dataset, indices=[one.opening], raw=True)
    found = apply_voi_lut(apply_modality_lut(frame, one.dataset), one.dataset, index=0, prefer_lut=True)
    black, white = output_range(one.dataset)
    expected = (found.astype(float) - black) / (white - black) * 255
    first = one.display.to_json()["windows"][0]
    return float(np.abs(shown_as(first, is_inverted=False)(values) - expected).max())


def output_range(dataset: Dataset) -> tuple[float, float]:
    """What pydicom maps a window to: the range of the stored values, or that of the table's entries."""
    for keyword in ("VOILUTSequence", "ModalityLUTSequence"):
        if keyword in dataset:
            return 0, 2 ** dataset[keyword].value[0].LUTDescriptor[2] - 1
    bits, slope = dataset.BitsStored, float(dataset.get("RescaleSlope") or 1)
    offset = float(dataset.get("RescaleIntercept") or 0)
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)
    return ends[0] * slope + offset, ends[1] * slope + offset
