"""Files as a hospital would send them, for the tests of the way in."""

import zipfile
from collections.abc import Iterable, Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from annotations.dicom.archives import SourceFile
from tests.annotations.dicom.builders import make_dataset, to_bytes

STUDY, SERIES = "1.2.826.0.1.3680043.10.1", "1.2.826.0.1.3680043.10.1.1"


def ct_slice(z: int, *, series: str = SERIES, study: str = STUDY, **elements: Any) -> bytes:
    """An axial CT slice at `z` mm whose pixels hold its place."""
    pixels = np.full((16, 12), 1000 + z, dtype=np.uint16)
    pixels[0, 0] = 0
    plain: dict[str, Any] = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "SOPInstanceUID": f"{series}.{z + 1}",
        "InstanceNumber": z + 1,
        "ImagePositionPatient": [0, 0, z],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [0.5, 0.7],
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "WindowCenter": 40,
        "WindowWidth": 400,
        "StudyDate": "20240131",
        "SeriesDescription": "Chest",
        "KVP": 120,
    }
    return to_bytes(make_dataset(pixels, **(plain | elements)))


def ct_volume(count: int, *, series: str = SERIES, **fields: Any) -> dict[str, bytes]:
    return {f"{series}/{z:03}.dcm": ct_slice(z, series=series, **fields) for z in range(count)}


def png(value: int = 7) -> bytes:
    stream = BytesIO()
    Picture.fromarray(np.full((20, 30), value, dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def hostile_files() -> dict[str, tuple[bytes, str]]:
    """Name -> content and the reason for which it must be refused."""
    good = ct_slice(0, series=f"{SERIES}.99")
    report = make_dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    pdf = make_dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC")
    contours = make_dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    for dataset in (report, pdf, contours):
        for keyword in ("PixelData", "Rows", "Columns"):
            delattr(dataset, keyword)
    huge = make_dataset()
    huge.Rows, huge.Columns, huge.NumberOfFrames = 65535, 65535, 10000
    without_series = make_dataset(SeriesInstanceUID=None)
    return {
        "empty.dcm": (b"", "empty"),
        "notes.txt": (b"no image at all", "not_an_image_file"),
        "truncated.dcm": (good[:-100], "truncated"),
        "report.dcm": (to_bytes(report), "not_dicom_image"),
        "document.dcm": (to_bytes(pdf), "not_dicom_image"),
        "contours.dcm": (to_bytes(contours), "not_dicom_image"),
        "huge.dcm": (to_bytes(huge), "too_large"),
        "no_series.dcm": (to_bytes(without_series), "missing_tag"),
    }


def sources(files: Mapping[str, bytes]) -> list[SourceFile]:
    return [SourceFile(name, len(content), partial(bytes, content)) for name, content in files.items()]


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def names(refusals: Iterable[Any]) -> dict[str, str]:
    return {refusal.name: str(refusal.reason) for refusal in refusals}
