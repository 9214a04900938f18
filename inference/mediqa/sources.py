"""Images for pre-training from folders of DICOM (or PNG/JPEG), grouped so that no patient is on both sides.

A source is a sub-folder of a given folder (or that folder, where it holds the files itself). Sources that
share a PatientID are one group. This reader is for training and evaluation only; the platform has its own.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image as PillowImage
from pydicom.pixels.processing import apply_rescale
from pydicom.pixels.utils import pixel_array

from inference.mediqa.preprocessing import luminance
from inference.mediqa.prompt import prompt_from_header
from inference.mediqa.types import FloatArray, Prompt

logger = logging.getLogger(__name__)
PICTURES = {".png", ".jpg", ".jpeg"}
MINIMUM_SIDE = 48
KEYWORDS = (
    "Modality", "BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription", "ImageType",
    "ScanningSequence", "ViewPosition", "ConvolutionKernel", "EchoTime", "RepetitionTime",
)  # fmt: skip
NOT_IMAGES = {"SEG", "RTDOSE", "RTSTRUCT", "SR", "PR", "KO", "OT"}


@dataclass(frozen=True)
class SourceSlice:
    """One slice of a source: pixels [rows, columns] in modality units; ``name`` is source and position."""

    source: str
    series: str
    patient: str
    pixels: FloatArray
    prompt: Prompt
    is_inverted: bool
    spacing_mm: float


def read_sources(folders: Sequence[Path], *, per_series: int = 12) -> list[SourceSlice]:
    """Return up to ``per_series`` evenly spread slices of each series; equal pixels are taken once.

    Raises FileNotFoundError for a folder that is not there. Files that can't be read are left out.
    """
    for folder in folders:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder.")
    slices, seen = [], set()
    for source, paths in sorted(_sources(folders).items()):
        for series in _series(paths):
            for item in _read_series(source, _spread(series, per_series)):
                digest = hashlib.sha256(item.pixels.tobytes()).hexdigest()
                if digest not in seen and min(item.pixels.shape) >= MINIMUM_SIDE:
                    seen.add(digest)
                    slices.append(item)
    return slices


def split_sources(
    slices: Sequence[SourceSlice], *, held_out: Sequence[str] = (), share: float = 0.2, seed: int = 0
) -> tuple[list[SourceSlice], list[SourceSlice]]:
    """Return (training, held out), whole groups only.

    held_out: patterns of source names; without them a share of the groups is drawn by a hash of name and seed.
    """
    groups = _groups(slices)
    kept: set[str] = set()
    for names in groups:
        if held_out:
            is_held = any(fnmatch(name, pattern) for name in names for pattern in held_out)
        else:
            digest = hashlib.sha256(f"{seed}:{sorted(names)[0]}".encode()).digest()
            is_held = int.from_bytes(digest[:4], "big") / 2**32 < share
        if is_held:
            kept |= names
    training = [item for item in slices if item.source not in kept]
    return training, [item for item in slices if item.source in kept]


def _sources(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Files by source; of nested folders the innermost one that was named counts."""
    roots = sorted((folder.absolute() for folder in folders), key=lambda path: -len(path.parts))
    found: dict[str, list[Path]] = defaultdict(list)
    for root in roots:
        for path in sorted(root.rglob("*")):
            owner = next(other for other in roots if path.is_relative_to(other))
            if path.is_file() and owner == root:
                inside = path.relative_to(root).parts
                found[inside[0] if len(inside) > 1 else root.name].append(path)
    return found


def _groups(slices: Iterable[SourceSlice]) -> list[set[str]]:
    """Sources joined by a shared PatientID."""
    by_patient: dict[str, set[str]] = defaultdict(set)
    for item in slices:
        by_patient[item.patient or f"source {item.source}"].add(item.source)
    groups: list[set[str]] = []
    for names in by_patient.values():
        joined = set(names)
        for group in [group for group in groups if group & joined]:
            joined |= group
            groups.remove(group)
        groups.append(joined)
    return sorted(groups, key=min)


def _series(paths: Sequence[Path]) -> Iterator[list[tuple[Path, Any]]]:
    """Yield the readable files of each series in order of position; a picture is a series of its own."""
    series: dict[str, list[tuple[float, Path, Any]]] = defaultdict(list)
    for path in paths:
        if path.suffix.lower() in PICTURES:
            yield [(path, None)]
            continue
        header = _header(path)
        if header is not None:
            key = str(header.get("SeriesInstanceUID") or path)
            series[key].append((_position(header), path, header))
    for members in series.values():
        yield [(path, header) for _, path, header in sorted(members, key=lambda one: (one[0], str(one[1])))]


def _header(path: Path) -> pydicom.Dataset | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:  # any file may lie in a folder
        return None
    return header if "Rows" in header and header.get("Modality") not in NOT_IMAGES else None


def _position(header: pydicom.Dataset) -> float:
    """Place along the normal of the slice in mm, else the instance number."""
    try:
        orientation = np.array(header.ImageOrientationPatient, dtype=float)
        normal = np.cross(orientation[:3], orientation[3:])
        return float(normal @ np.array(header.ImagePositionPatient, dtype=float))
    except (AttributeError, TypeError, ValueError):
        return float(header.get("InstanceNumber") or 0)


def _spread(series: list[tuple[Path, Any]], count: int) -> list[tuple[Path, Any]]:
    if len(series) <= count:
        return series
    return [series[round(place)] for place in np.linspace(0, len(series) - 1, count)]


def _read_series(source: str, members: Sequence[tuple[Path, Any]]) -> Iterator[SourceSlice]:
    for path, header in members:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if header is None:
                    yield _read_picture(source, path)
                else:
                    yield _read_dicom(source, path, len(members))
        except Exception as error:  # a codec may be missing; the rest is worth reading
            logger.warning("left out a file of %s: %s", source, type(error).__name__)


def _read_picture(source: str, path: Path) -> SourceSlice:
    with PillowImage.open(path) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.float32)
    return SourceSlice(source, path.name, "", pixels, Prompt(dimension="2D"), is_inverted=False, spacing_mm=0.7)


def _read_dicom(source: str, path: Path, slices: int) -> SourceSlice:
    dataset = pydicom.dcmread(path)
    pixels = apply_rescale(pixel_array(dataset), dataset)
    if int(dataset.get("SamplesPerPixel", 1)) == 3:
        pixels = luminance(np.asarray(pixels, dtype=np.float32))
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        pixels = pixels[frames // 2]
    header: dict[str, Any] = {key: dataset.get(key) for key in KEYWORDS if key in dataset}
    header["slices"] = max(slices, frames)
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing") or [0.7]
    return SourceSlice(
        source=source,
        series=str(dataset.get("SeriesInstanceUID") or path.name),
        patient=str(dataset.get("PatientID") or ""),
        pixels=np.ascontiguousarray(pixels, dtype=np.float32),
        prompt=prompt_from_header(header)[0],
        is_inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
        spacing_mm=float(spacing[0]) or 0.7,
    )
