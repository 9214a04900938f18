"""Images for pre-training from folders of DICOM (or PNG/JPEG), grouped so that no patient is on both sides.

A source is a sub-folder of a given folder (or that folder, where it holds the files itself). Sources that
share a PatientID are one group. This reader is for training and evaluation only; the platform has its own.
"""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from PIL import Image as PillowImage
from pydicom.pixels.processing import apply_rescale
from pydicom.pixels.utils import pixel_array

from inference.mediqa.physics.headers import HEADER_KEYWORDS, header_parameters
from inference.mediqa.preprocessing import LARGEST_GAP_MM, luminance
from inference.mediqa.prompt import prompt_from_header
from inference.mediqa.simulation.colours import is_coloured, rgb, screen_of
from inference.mediqa.types import SCREEN, FloatArray, Prompt

logger = logging.getLogger(__name__)
PICTURES = {".png", ".jpg", ".jpeg"}
VOLUMES = (".nii", ".nii.gz")
MINIMUM_SIDE = 48  # pixels of a slice that is learnt from
# Never trained on, whatever else changes: what the pre-training is judged by. Patterns of source names.
HELD_OUT = ("mr_dcm_qa_trt", "mr_dcm_qa_philips", "pydicom-*", "mixed_pydicom-data_codec-pairs")
REACH_MM = 8.0  # neighbours that a thicker slice may take in
# A picture has no header: the name of its source says what it is.
PICTURE_PROMPTS: tuple[tuple[str, Prompt], ...] = (
    (r"^(cr|dx|xr)_chest", Prompt("2D", "XR", "chest", "frontal")),
    (r"^(cr|dx|xr)_", Prompt("2D", "XR")),
    (r"^mg_", Prompt("2D", "MG", "breast")),
    (r"^us_hip", Prompt("2D", "US", "limb")),
    (r"^us_", Prompt("2D", "US")),
    (r"^(fundus|op)_", Prompt("2D", "OP", "eye")),
    (r"^ct_", Prompt("2D", "CT")),
    (r"^mr_brain", Prompt("3D", "MR", "head")),
    (r"^mr_", Prompt("3D", "MR")),
)
PICTURE_SPACING_MM = {"XR": 0.4, "MG": 0.1, "US": 0.2, "OP": 0.01}
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
    neighbours: FloatArray | None = None  # [n, rows, columns], slices within REACH_MM, without this one
    offsets_mm: FloatArray | None = None  # [n], where they lie across
    position_mm: float | None = None  # along the normal of the stack
    vendor: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)  # of the header, names end in units
    screen: tuple[float, float] | None = None  # what a screen showed as black and white, if it is stored as shown


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
            for item in _read_series(source, series, per_series):
                digest = hashlib.sha256(item.pixels.tobytes()).hexdigest()
                if digest not in seen and min(item.pixels.shape) >= MINIMUM_SIDE:
                    seen.add(digest)
                    slices.append(item)
    return slices


def split_sources(
    slices: Sequence[SourceSlice], *, held_out: Sequence[str] = HELD_OUT, share: float = 0.2, seed: int = 0
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


def _series(paths: Sequence[Path]) -> Iterator[list[tuple[float, Path, Any]]]:
    """Yield (place in mm, path, header) of each series in order; a picture or NIfTI file is a series of its own."""
    series: dict[str, list[tuple[float, Path, Any]]] = defaultdict(list)
    for path in paths:
        if path.suffix.lower() in PICTURES or path.name.lower().endswith(VOLUMES):
            yield [(0.0, path, None)]
            continue
        header = _header(path)
        if header is not None:
            key = str(header.get("SeriesInstanceUID") or path)
            series[key].append((_position(header), path, header))
    for members in series.values():
        yield sorted(members, key=lambda one: (one[0], str(one[1])))


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


def _spread(length: int, count: int) -> list[int]:
    """Return up to ``count`` evenly spread places of ``length``, ends included."""
    if length <= count:
        return list(range(length))
    return [round(place) for place in np.linspace(0, length - 1, count)]


def _read_series(source: str, series: list[tuple[float, Path, Any]], count: int) -> Iterator[SourceSlice]:
    near = _neighbours([place for place, _, _ in series])
    for index in _spread(len(series), count):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield from _read_member(source, series, index, near[index], count)
        except Exception as error:  # a codec may be missing; the rest is worth reading
            logger.warning("left out a file of %s: %s", source, type(error).__name__)


def _neighbours(places: Sequence[float]) -> list[list[int]]:
    """Return for each slice which others are near enough; none where two slices share a place (a time series)."""
    if len(set(places)) < len(places):
        return [[] for _ in places]
    result = []
    for place in places:
        others = [index for index, other in enumerate(places) if 0 < abs(other - place) <= REACH_MM]
        nearest = min((abs(places[index] - place) for index in others), default=np.inf)
        result.append(others if nearest <= LARGEST_GAP_MM else [])
    return result


def _read_member(
    source: str, series: list[tuple[float, Path, Any]], index: int, near: list[int], count: int
) -> Iterator[SourceSlice]:
    place, path, header = series[index]
    if header is None:
        is_volume = path.name.lower().endswith(VOLUMES)
        yield from _read_volume(source, path, count) if is_volume else [_read_picture(source, path)]
        return
    frames = _frames(header)
    if frames > 1:
        for frame in _spread(frames, max(1, count // 2)):
            yield _read_dicom(source, path, header, slices=frames, frame=frame)
        return
    item = _read_dicom(source, path, header, slices=len(series))
    has_places = "ImagePositionPatient" in header
    planes = [_pixels(pydicom.dcmread(series[other][1])) for other in near] if has_places else []
    if has_places:
        item = replace(item, position_mm=place)
    if planes and all(plane.shape == item.pixels.shape for plane in planes):
        offsets = np.array([series[other][0] - place for other in near], dtype=np.float32)
        item = replace(item, neighbours=np.stack(planes), offsets_mm=offsets)
    yield item


def _frames(header: pydicom.Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _read_picture(source: str, path: Path) -> SourceSlice:
    with PillowImage.open(path) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.float32)
    prompt = _prompt_of_picture(source, "2D")
    spacing = PICTURE_SPACING_MM.get(prompt.modality, 0.7)
    return SourceSlice(source, path.name, "", pixels, prompt, is_inverted=False, spacing_mm=spacing, screen=SCREEN)


def _prompt_of_picture(source: str, dimension: str) -> Prompt:
    named = next((prompt for pattern, prompt in PICTURE_PROMPTS if re.search(pattern, source)), Prompt())
    return replace(named, dimension=dimension)


def _read_volume(source: str, path: Path, count: int) -> Iterator[SourceSlice]:
    """Yield slices along the third axis of a NIfTI volume, empty ones left out."""
    image: Any = nibabel.load(path)
    volume = np.asarray(image.dataobj, dtype=np.float32)
    volume = np.rot90(volume[..., 0] if volume.ndim == 4 else volume, axes=(0, 1))
    steps = [float(step) for step in image.header.get_zooms()[:3]]
    prompt = prompt_from_header({"SeriesDescription": path.name, "Modality": "MR", "dimension": "3D"})[0]
    prompt = replace(_prompt_of_picture(source, "3D"), image_type=prompt.image_type)
    body = np.flatnonzero(volume.std(axis=(0, 1)) > 0.25 * volume.std())
    places = np.arange(volume.shape[2]) * steps[2]
    for index in body[_spread(len(body), count)]:
        near = np.flatnonzero((np.abs(places - places[index]) <= REACH_MM) & (places != places[index]))
        yield SourceSlice(
            source=source,
            series=path.name,
            patient="",
            pixels=np.ascontiguousarray(volume[:, :, index]),
            prompt=prompt,
            is_inverted=False,
            spacing_mm=steps[0],
            neighbours=np.ascontiguousarray(volume[:, :, near].transpose(2, 0, 1))
            if steps[2] <= LARGEST_GAP_MM
            else None,
            offsets_mm=(places[near] - places[index]).astype(np.float32),
        )


def _pixels(dataset: pydicom.Dataset, frame: int | None = None) -> FloatArray:
    """Return one frame in modality units, colours as luminance."""
    values = pixel_array(dataset, index=frame)
    pixels = luminance(rgb(values, dataset)) if is_coloured(dataset) else apply_rescale(values, dataset)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _read_dicom(
    source: str, path: Path, header: pydicom.Dataset, *, slices: int, frame: int | None = None
) -> SourceSlice:
    words: dict[str, Any] = {key: header.get(key) for key in KEYWORDS if key in header}
    words["slices"] = slices
    numbers = {key: header.get(key) for keys in HEADER_KEYWORDS.values() for key in keys}
    spacing = header.get("PixelSpacing") or header.get("ImagerPixelSpacing") or [0.7]
    vendor = str(header.get("Manufacturer") or "").upper().split()
    return SourceSlice(
        source=source,
        series=str(header.get("SeriesInstanceUID") or path.name),
        patient=str(header.get("PatientID") or ""),
        pixels=_pixels(pydicom.dcmread(path), frame),
        prompt=prompt_from_header(words)[0],
        is_inverted=header.get("PhotometricInterpretation") == "MONOCHROME1",
        spacing_mm=float(spacing[0]) or 0.7,
        vendor=vendor[0] if vendor else "",
        parameters=header_parameters(numbers),
        screen=screen_of(header),
    )
