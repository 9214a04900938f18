"""DICOM files that nobody has sent before: no row, object or cached feature makes the work on them instant."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import ComputedRadiographyImageStorage

from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.annotations.sent_files import ct_slice, write_files

SIDE = 256
RANDOM = np.random.default_rng()


def new_stacks(folder: Path, *, stacks: int, slices: int) -> list[Path]:
    """CT slices of noise, in stacks of as many patients."""
    files = {}
    for stack in range(stacks):
        series, study = new_uid(), new_uid()
        for z in range(slices):
            files[f"{stack}-{z:03}.dcm"] = ct_slice(z, series=series, study=study, PatientID=study, **noise())
    return sorted(write_files(folder, files).iterdir())


def new_radiographs(folder: Path, *, count: int) -> list[Path]:
    """Single 2-D images, each of a patient of its own."""
    kind = {"Modality": "CR", "SOPClassUID": ComputedRadiographyImageStorage}
    files = {
        f"{number:03}.dcm": to_bytes(make_dataset(PatientID=new_uid(), **kind, **noise())) for number in range(count)
    }
    return sorted(write_files(folder, files).iterdir())


def new_uid() -> str:
    """Short enough to have one more number appended."""
    return f"1.2.826.0.1.3680043.10.{RANDOM.integers(10**15, 10**16)}"


def noise() -> dict[str, Any]:
    """Pixels that compress badly and were never seen."""
    pixels = RANDOM.integers(0, 4096, (SIDE, SIDE), dtype=np.uint16)
    return {"Rows": SIDE, "Columns": SIDE, "PixelData": pixels.tobytes()}


def new_ramp(
    folder: Path, *, slices: int, name: str, first_hu: int = -160, step_hu: int = 40, **elements: Any
) -> list[Path]:
    """A CT stack whose right half tells the slice: `first_hu` and `step_hu` more for each; the left half is air."""
    series, study = new_uid(), new_uid()
    files = {}
    for z in range(slices):
        pixels = np.zeros((SIDE, SIDE), dtype=np.uint16)
        pixels[:, SIDE // 2 :] = 1024 + first_hu + step_hu * z
        shape = {"Rows": SIDE, "Columns": SIDE, "PixelData": pixels.tobytes(), "PixelSpacing": [0.7, 0.7]}
        plain = {"PatientID": study, "SeriesDescription": name} | shape
        files[f"{name}-{z:03}.dcm"] = ct_slice(z, series=series, study=study, **(plain | elements))
    return sorted(write_files(folder / name, files).iterdir())


def new_volume(folder: Path, hu: NDArray[np.int16], *, name: str, **elements: Any) -> list[Path]:
    """An axial CT stack of these values [slices, rows, columns], 2.5 mm from slice to slice, from the feet upwards."""
    series, study = new_uid(), new_uid()
    files = {}
    for z, values in enumerate(hu):
        rows, columns = values.shape
        plain = {
            "PatientID": study,
            "SeriesDescription": name,
            "ImagePositionPatient": [0, 0, 2.5 * z],
            "Rows": rows,
            "Columns": columns,
            "PixelData": (values + 1024).astype(np.uint16).tobytes(),
        }
        own = {keyword: value(z) if callable(value) else value for keyword, value in elements.items()}
        files[f"{name}-{z:03}.dcm"] = ct_slice(z, series=series, study=study, **(plain | own))
    return sorted(write_files(folder / name, files).iterdir())
