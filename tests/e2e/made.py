"""Datasets with what the corpora lack: one for each step of the grayscale pipeline."""

from collections.abc import Iterator

import numpy as np
from pydicom import Dataset, Sequence

from tests.annotations.dicom.builders import make_dataset

SIZE = 96


def ramp(dtype: str = "u2", low: float = 0, high: float = 4000) -> np.ndarray:
    """Smooth, so that interpolation on the screen hides nothing."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.rint(low + (high - low) * (columns * 2 + rows) / (3 * SIZE - 3)).astype(dtype)


def table(entries: np.ndarray, first: int, bits: int = 16) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.add_new("LUTData", "US", [int(entry) for entry in entries])
    item.LUTExplanation = "CURVE"
    return item


def group(**macros: Dataset) -> Dataset:
    made = Dataset()
    for keyword, item in macros.items():
        setattr(made, keyword, Sequence([item]))
    return made


def item(**elements: object) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def made_datasets() -> Iterator[tuple[str, Dataset]]:
    mr = {"Modality": "MR", "WindowCenter": 1800, "WindowWidth": 1500}
    yield "linear", make_dataset(ramp(), **mr)
    yield "exact", make_dataset(ramp(), **mr, VOILUTFunction="LINEAR_EXACT")
    yield "sigmoid", make_dataset(ramp(), **mr, VOILUTFunction="SIGMOID")
    yield "narrow linear", make_dataset(ramp(high=40), Modality="MR", WindowCenter=20, WindowWidth=9)
    yield (
        "narrow exact",
        make_dataset(ramp(high=40), Modality="MR", WindowCenter=20, WindowWidth=9, VOILUTFunction="LINEAR_EXACT"),
    )
    yield (
        "rescale with fractions",
        make_dataset(
            ramp(), Modality="PT", RescaleSlope=0.37, RescaleIntercept=-12.5, WindowCenter=600, WindowWidth=900
        ),
    )
    # The ends are whole numbers in modality units, what lies between them is not; and they would fit into bytes.
    yield (
        "halves between whole ends",
        make_dataset(
            ramp(high=400), Modality="PT", RescaleSlope=0.5, RescaleIntercept=0, WindowCenter=100, WindowWidth=180
        ),
    )
    yield (
        "halves below whole ends",
        make_dataset(
            ramp(high=4000), Modality="CT", RescaleSlope=0.25, RescaleIntercept=-100, WindowCenter=300, WindowWidth=500
        ),
    )
    yield "several windows", make_dataset(ramp(), Modality="MR", WindowCenter=[1000, 3000], WindowWidth=[800, 1500])
    yield "monochrome1", make_dataset(ramp(), **mr, PhotometricInterpretation="MONOCHROME1")
    yield "inverse shape", make_dataset(ramp(), **mr, PresentationLUTShape="INVERSE")
    curve = np.rint(65535 * np.linspace(0, 1, 4096) ** 2.2)
    yield "voi table", make_dataset(ramp(), Modality="CR", VOILUTSequence=Sequence([table(curve, 0)]))
    yield (
        "falling voi table",
        make_dataset(
            ramp(), Modality="CR", VOILUTSequence=Sequence([table(curve[::-1], 0)]), PresentationLUTShape="IDENTITY"
        ),
    )
    yield (
        "inverted voi table",
        make_dataset(
            ramp(), Modality="DX", VOILUTSequence=Sequence([table(curve, 0)]), PhotometricInterpretation="MONOCHROME1"
        ),
    )
    modality = table(np.rint(np.linspace(0, 3000, 4096)), 0)
    modality.ModalityLUTType = "OD"
    yield "modality table", make_dataset(ramp(), **mr, ModalityLUTSequence=Sequence([modality]))
    yield "signed", make_dataset(ramp("i2", -1500, 2500), Modality="CT", WindowCenter=40, WindowWidth=400)
    yield "8 bits", make_dataset(ramp("u1", 0, 255), Modality="US")
    yield "10 bits", make_dataset(ramp(high=1023), Modality="XA", BitsStored=10, HighBit=9)
    overlaid = ramp(high=4095)
    overlaid[20:40, 20:40] |= 0x8000  # an overlay in a bit that the pixels do not use
    yield (
        "overlay bits",
        make_dataset(overlaid, Modality="CT", BitsStored=12, HighBit=11, RescaleSlope=1, RescaleIntercept=-1024),
    )
    padded = ramp("i2", 0, 2000)
    padded[:, :30] = -2000
    yield "padding", make_dataset(padded, Modality="MR", PixelPaddingValue=-2000)
    yield "wide pixels", make_dataset(ramp(), **mr, PixelAspectRatio=[1, 2])
    yield "tall pixels", make_dataset(ramp(), **mr, PixelSpacing=[1.5, 0.5])
    frames = np.stack([ramp(high=1000), ramp(high=2000), ramp(high=4000)])
    units = [
        item(RescaleSlope=slope, RescaleIntercept=offset, RescaleType="US")
        for slope, offset in ((1, 0), (2, -50), (0.5, 7))
    ]
    shared = group(FrameVOILUTSequence=item(WindowCenter=900, WindowWidth=1700))
    yield (
        "rescaled by frame",
        make_dataset(
            frames,
            Modality="MR",
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence([group(PixelValueTransformationSequence=unit) for unit in units]),
        ),
    )
