"""Images from files: DICOM (single, multi-frame, series), PNG, JPEG, TIFF and NIfTI. For the command line and the
benchmark; the platform reads its own stored frames.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydicom.pixels.processing import apply_modality_lut
from pydicom.pixels.utils import pixel_array

from inference.mediqa.colours import is_coloured, rgb, screen_of
from inference.mediqa.errors import MediqaError
from inference.mediqa.preprocessing import luminance, stacked
from inference.mediqa.prompt import prompt_from_header
from inference.mediqa.types import SCREEN, FloatArray, ImageArray

PICTURES = {".png", ".jpg", ".jpeg"}
TIFFS = {".tif", ".tiff"}
NIFTIS = (".nii", ".nii.gz")
OTHERS = {".csv", ".json", ".txt", ".md", ".tsv", ".xml", ".html", ".zip", ".gz", ".py", ".npy"}
KEYWORDS = (
    "Modality", "BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription", "ImageType",
    "ScanningSequence", "SequenceName", "ViewPosition", "ConvolutionKernel", "EchoTime", "RepetitionTime",
)  # fmt: skip


class UnreadableFile(MediqaError):
    """A file from which no image can be taken; the message is a sentence without its name."""


@dataclass(frozen=True)
class ReadImage:
    """An image with where it came from.

    provenance: of each prompt factor, ``override``, ``dicom``, ``file`` (where there is no header) or ``unknown``.
    patient: PatientID or "".
    """

    image: ImageArray
    provenance: dict[str, str] = field(default_factory=dict)
    patient: str = ""


@dataclass(frozen=True)
class ImageFiles:
    """The files of one image, in no order: a file, or the members of a DICOM series."""

    name: str
    paths: tuple[Path, ...]


def find_images(paths: Sequence[Path]) -> Iterator[ImageFiles]:
    """Yield each image under files and folders; the DICOM slices of one series are one image.

    A path that is not there, or a file that is nothing readable, is yielded too: ``read_image`` says why not.
    """
    for path in paths:
        if path.is_dir():
            yield from _images_of_folder(path)
        else:
            yield ImageFiles(str(path), (path,))


def read_image(files: ImageFiles, *, override: dict[str, str] | None = None) -> ReadImage:
    """Read an image with its prompt; raises UnreadableFile.

    override: prompt factors that the user knows better than the header.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(files.paths, override or {})
    except MediqaError:
        raise
    except FileNotFoundError as error:
        raise UnreadableFile("There is no such file.") from error
    except Exception as error:  # decoders raise anything; the rest of the files is worth reading
        raise UnreadableFile(f"It can't be read ({type(error).__name__}).") from error


def read_path(path: Path, *, override: dict[str, str] | None = None) -> ReadImage:
    """Read a file, or a folder that holds one series; raises UnreadableFile."""
    if not path.is_dir():
        return read_image(ImageFiles(str(path), (path,)), override=override)
    images = list(_images_of_folder(path))
    if len(images) != 1:
        raise UnreadableFile(f"The folder holds {len(images)} images; one was expected.")
    return read_image(images[0], override=override)


def _images_of_folder(folder: Path) -> Iterator[ImageFiles]:
    series: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(other for other in folder.rglob("*") if other.is_file()):
        if _is_named(path, PICTURES | TIFFS) or path.name.lower().endswith(NIFTIS):
            yield ImageFiles(str(path), (path,))
        elif path.suffix.lower() not in OTHERS and not path.name.startswith("."):
            series[_series_of(path)].append(path)
    for members in series.values():
        name = str(members[0]) if len(members) == 1 else f"{members[0].parent} ({members[0].name} ...)"
        yield ImageFiles(name, tuple(members))


def _is_named(path: Path, suffixes: Iterable[str]) -> bool:
    return path.suffix.lower() in set(suffixes)


def _series_of(path: Path) -> str:
    """Series and matrix of a DICOM slice, else the file itself (a multi-frame object stands for itself)."""
    try:
        header = pydicom.dcmread(
            path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID", "Rows", "Columns", "NumberOfFrames"]
        )
        frames = int(header.get("NumberOfFrames") or 1)
    except Exception:  # any file may lie in a folder
        return str(path)
    if frames > 1 or "SeriesInstanceUID" not in header:
        return str(path)
    return f"{header.SeriesInstanceUID}/{header.get('Rows')}x{header.get('Columns')}"


def _read(paths: Sequence[Path], override: dict[str, str]) -> ReadImage:
    path = paths[0]
    if _is_named(path, PICTURES):
        return _read_picture(path, override)
    if _is_named(path, TIFFS):
        return _read_tiff(path, override)
    if path.name.lower().endswith(NIFTIS):
        return _read_nifti(path, override)
    return _read_dicom(paths, override)


def _plain(pixels: FloatArray, override: dict[str, str], **known: Any) -> ReadImage:
    prompt, provenance = prompt_from_header({"slices": len(pixels)}, override=override)
    provenance = {factor: "file" if origin == "dicom" else origin for factor, origin in provenance.items()}
    return ReadImage(ImageArray(pixels=pixels, prompt=prompt, **known), provenance)


def _read_picture(path: Path, override: dict[str, str]) -> ReadImage:
    with PillowImage.open(path) as picture:
        pixels = np.asarray(picture if picture.mode in {"L", "I", "I;16", "F"} else picture.convert("RGB"))
    return _plain(_grey(pixels)[None], override, screen=_screen_of_picture(pixels))


def _read_tiff(path: Path, override: dict[str, str]) -> ReadImage:
    pixels = np.asarray(tifffile.imread(path))
    grey = _grey(pixels) if pixels.ndim == 2 or pixels.shape[-1] in {3, 4} else pixels.astype(np.float32)
    if override.get("modality") == "CT" and float(grey.min()) >= 0 and float(grey.max()) <= 1:
        grey = grey * 1400 - 1000  # a CT on 0..1 is taken to show -1000..400 HU, as in LDCTIQAC 2023
    return _plain(grey if grey.ndim == 3 else grey[None], override, screen=_screen_of_picture(pixels))


def _screen_of_picture(pixels: np.ndarray[Any, Any]) -> tuple[float, float] | None:
    return SCREEN if pixels.dtype == np.uint8 else None


def _grey(pixels: np.ndarray[Any, Any]) -> FloatArray:
    values: FloatArray = pixels.astype(np.float32)
    return luminance(values) if values.ndim == 3 else values


def _read_nifti(path: Path, override: dict[str, str]) -> ReadImage:
    loaded: Any = nibabel.load(path)
    canonical: Any = nibabel.as_closest_canonical(loaded)  # type: ignore[no-untyped-call]
    values = np.asarray(canonical.dataobj, dtype=np.float32)
    while values.ndim > 3:
        values = values[..., 0]
    volume = values[..., None] if values.ndim == 2 else values
    rows_down = np.ascontiguousarray(volume.transpose(2, 1, 0)[:, ::-1])  # slices feet to head, rows front to back
    across, down, through = (*canonical.header.get_zooms()[:3], 1.0, 1.0)[:3]
    return _plain(rows_down, override, spacing_mm=(float(through), float(down), float(across)))


def _read_dicom(paths: Sequence[Path], override: dict[str, str]) -> ReadImage:
    datasets = sorted((pydicom.dcmread(path) for path in paths), key=_place)
    first = datasets[0]
    if "Rows" not in first:
        raise UnreadableFile("The DICOM object holds no image.")
    pixels = _pixels(datasets)
    header = {key: first.get(key) for key in KEYWORDS if key in first} | {"slices": len(pixels)}
    prompt, provenance = prompt_from_header(header, override=override)
    image = ImageArray(
        pixels=pixels,
        prompt=prompt,
        window=_window(first),
        is_inverted=first.get("PhotometricInterpretation") == "MONOCHROME1",
        spacing_mm=_spacing(datasets),
        screen=screen_of(first),
    )
    return ReadImage(image, provenance, str(first.get("PatientID") or ""))


def _pixels(datasets: Sequence[pydicom.Dataset]) -> FloatArray:
    """Return the frames of all [frames, rows, columns] in modality units."""
    if len(datasets) == 1:
        return _frames(datasets[0])
    count = sum(int(dataset.get("NumberOfFrames") or 1) for dataset in datasets)
    return stacked((frame for dataset in datasets for frame in _frames(dataset)), count)


def _frames(dataset: pydicom.Dataset) -> FloatArray:
    """Return [frames, rows, columns] in modality units."""
    values = np.asarray(pixel_array(dataset, view_only=True))
    frames = luminance(rgb(values, dataset)) if is_coloured(dataset) else _rescaled(values, dataset)
    return frames if frames.ndim == 3 else frames[None]


def _rescaled(values: NDArray[Any], dataset: pydicom.Dataset) -> FloatArray:
    """In modality units; float32 is enough where all are whole numbers below 2**24, as of most scanners."""
    slope, intercept = (_first_number(dataset.get(key)) for key in ("RescaleSlope", "RescaleIntercept"))
    has_table = bool(dataset.get("ModalityLUTSequence"))
    if slope is None or intercept is None or has_table or not _is_exact(values.dtype, slope, intercept):
        return np.asarray(apply_modality_lut(values, dataset)).astype(np.float32)
    units = values.astype(np.float32)
    units *= slope
    units += intercept
    return units


def _is_exact(dtype: np.dtype[Any], slope: float, intercept: float) -> bool:
    is_whole = dtype.kind in "iu" and slope.is_integer() and intercept.is_integer()
    return is_whole and 256.0**dtype.itemsize * abs(slope) + abs(intercept) <= 2**24


def _place(dataset: pydicom.Dataset) -> float:
    """Position along the normal of the slice in mm, else the instance number."""
    try:
        orientation = np.array(dataset.ImageOrientationPatient, dtype=float)
        normal = np.cross(orientation[:3], orientation[3:])
        return float(normal @ np.array(dataset.ImagePositionPatient, dtype=float))
    except (AttributeError, TypeError, ValueError):
        return float(dataset.get("InstanceNumber") or 0)


def _window(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    center, width = (_first_number(dataset.get(key)) for key in ("WindowCenter", "WindowWidth"))
    return None if center is None or width is None else (center, width)


def _first_number(value: Any) -> float | None:
    try:
        return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
    except (TypeError, ValueError, IndexError):
        return None


def _spacing(datasets: Sequence[pydicom.Dataset]) -> tuple[float | None, float, float] | None:
    spacing = datasets[0].get("PixelSpacing") or datasets[0].get("ImagerPixelSpacing")
    if not spacing:
        return None
    places = np.diff([_place(dataset) for dataset in datasets])
    is_stack = len(places) > 0 and "ImagePositionPatient" in datasets[0] and float(places.min()) > 0
    between = float(np.median(places)) if is_stack else _first_number(datasets[0].get("SpacingBetweenSlices"))
    return between, float(spacing[0]), float(spacing[1])
