"""Images from files, for the command line and the benchmark, as the platform takes them in.

``annotations.dicom`` opens, groups and decodes them, for both and without Django: a file is one image to either, or
none with the same reason.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from annotations.dicom import tags
from annotations.dicom.frames import FrameFormat, decode_frames, frame_format, to_modality_units
from annotations.dicom.geometry import SliceHeader, Stack, group_slices, slice_headers
from annotations.dicom.loading import load_datasets
from annotations.dicom.parsing import is_dicom
from annotations.dicom.physical import extract_physical_parameters
from annotations.dicom.refusals import RefusalReason, RefusedFile
from annotations.dicom.windows import display_settings, is_stated
from inference.mediqa.errors import MediqaError, UnreadableFile
from inference.mediqa.preprocessing import luminance, stacked
from inference.mediqa.prompt import ACQUISITION_KEYWORDS, CODE_SEQUENCES, SERIES_KEYWORDS, prompt_from_header
from inference.mediqa.types import SCREEN, FloatArray, ImageArray

NIFTIS = (".nii", ".nii.gz")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", *NIFTIS)
OTHERS = {".csv", ".json", ".txt", ".md", ".tsv", ".xml", ".html", ".zip", ".gz", ".py", ".npy"}
SHOWN_HU = (-1000.0, 400.0)  # by a CT on 0..1, as in LDCTIQAC 2023


@dataclass(frozen=True)
class ReadImage:
    """An image with where it came from.

    provenance: of each prompt factor, ``override``, ``dicom``, ``file`` (where there is no header) or ``unknown``.
    patient: PatientID or "". name: its file, or the folder and first file of a volume; files: all of them, in the order
    of the slices, those of a multi-frame object once.
    """

    image: ImageArray
    provenance: dict[str, str] = field(default_factory=dict)
    patient: str = ""
    name: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file or image that is left out, and why, in a sentence without its name."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Opened:
    """One Dataset of a file with its frames as stored: several of a TIFF with pages of several sizes, for example."""

    path: Path
    has_header: bool
    dataset: pydicom.Dataset
    stored_format: FrameFormat
    frames: Sequence[NDArray[Any]]


def read_paths(paths: Sequence[Path], *, override: dict[str, str] | None = None) -> Iterator[ReadImage | Refused]:
    """Yield each image under files and folders, and what is refused; the slices of a DICOM series are volumes.

    Of a folder, files that are plainly something else (tables, texts) are passed over. override: prompt factors that
    the user knows better than the header.
    """
    for series in find_series(paths):
        yield from read_series(series, override=override)


def read_path(path: Path, *, override: dict[str, str] | None = None) -> ReadImage:
    """Read a file, or a folder that holds one image; of a file that holds several (time points) the first.

    Raises UnreadableFile.
    """
    found = list(read_paths([path], override=override))
    images = [one for one in found if isinstance(one, ReadImage)]
    if len(images) > 1 and path.is_dir():
        raise UnreadableFile(f"The folder holds {len(images)} images; one was expected.")
    if not images:
        reasons = [one.reason for one in found if isinstance(one, Refused)]
        raise UnreadableFile(reasons[0] if reasons else "The folder holds no image.")
    return images[0]


def find_series(paths: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """Yield the files that may belong together: those of a DICOM series in a folder, and every other by itself.

    A path that is not there, or a file that is nothing readable, is yielded too: ``read_series`` says why not.
    """
    for path in paths:  # one that can't be looked at counts as a file, and is refused as one
        yield from _series_of_folder(path) if os.path.isdir(path) else [(path,)]


def read_series(paths: Sequence[Path], *, override: dict[str, str] | None = None) -> Iterator[ReadImage | Refused]:
    """Yield the images of files that ``find_series`` put together. A file that is refused keeps back no other."""
    opened: list[_Opened] = []
    for path in paths:
        try:
            opened += _open(path)
        except Exception as error:  # whatever it is, the other files are worth reading
            yield Refused(str(path), reason_of(error))
    headers = chain.from_iterable(_headers(number, one.dataset) for number, one in enumerate(opened))
    names: Counter[str] = Counter()
    for stack in group_slices(headers):
        members = [opened[int(header.sop_instance_uid)] for header in stack.slices]
        name = _name_of(members)
        names[name] += 1
        numbered = name if names[name] == 1 else f"{name} [{names[name]}]"
        try:
            read = _image_of(stack, members, override or {})
            yield replace(read, name=numbered, files=tuple(dict.fromkeys(str(one.path) for one in members)))
        except MediqaError as error:
            yield Refused(numbered, reason_of(error))


def reason_of(error: Exception) -> str:
    """Return why, for people: a sentence that holds no name, identifier or path."""
    if isinstance(error, FileNotFoundError):
        return "There is no such file."
    is_ours = isinstance(error, RefusedFile | MediqaError)
    return str(error) if is_ours else f"It can't be read ({type(error).__name__})."


def _series_of_folder(folder: Path) -> Iterator[tuple[Path, ...]]:
    series: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(_files_below(folder)):
        if path.name.lower().endswith(PICTURES):
            yield (path,)
        elif path.suffix.lower() not in OTHERS:
            series[_series_of(path)].append(path)
    yield from (tuple(members) for members in series.values())


def _files_below(folder: Path) -> Iterator[Path]:
    """Files that are not hidden, links followed, each folder once."""
    entered: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(place))
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(place, name)) not in entered]
        found = (Path(place, name) for name in names if not name.startswith("."))
        yield from (path for path in found if path.is_file())


def _series_of(path: Path) -> str:
    """The UID of the series; of a file that names none, its own path."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
    except Exception:  # any file may lie in a folder
        return str(path)
    return tags.text(header, "SeriesInstanceUID") or str(path)


def _open(path: Path) -> list[_Opened]:
    if path.exists() and not path.is_file():
        raise UnreadableFile("This is no file.")  # a pipe would never end
    content = path.read_bytes()
    opened = []
    for dataset in load_datasets(content, needs_uids=False):
        stored_format = frame_format(dataset)
        frames = list(decode_frames(dataset, stored_format))
        if len(frames) < stored_format.frame_count:
            raise RefusedFile(RefusalReason.TRUNCATED, "The pixel data hold fewer frames than the header says.")
        opened.append(_Opened(path, is_dicom(content), dataset, stored_format, frames))
    return opened


def _headers(number: int, dataset: pydicom.Dataset) -> list[SliceHeader]:
    """By the Dataset's number in place of its UID, since a folder may hold one object twice."""
    return [
        replace(
            header,
            sop_instance_uid=str(number),
            volume_uid=str(number) if header.volume_uid == header.sop_instance_uid else header.volume_uid,
        )
        for header in slice_headers(dataset)
    ]


def _name_of(members: Sequence[_Opened]) -> str:
    paths = sorted({one.path for one in members})
    return str(paths[0]) if len(paths) == 1 else f"{paths[0].parent} ({paths[0].name} ...)"


def _image_of(stack: Stack, members: Sequence[_Opened], override: dict[str, str]) -> ReadImage:
    """The members are the Datasets of the slices, in their order."""
    indices = [header.frame_number - 1 for header in stack.slices]
    planes = (_plane(one, index) for one, index in zip(members, indices, strict=True))
    first, middle = members[0], members[len(members) // 2]
    place = middle.stored_format.frame_count // 2
    display = display_settings(middle.dataset, middle.stored_format, [middle.frames[place]], [place])
    prompt, provenance = prompt_from_header(_words(first, stack.dimension), override=override)
    if not first.has_header:
        provenance = {factor: "file" if origin == "dicom" else origin for factor, origin in provenance.items()}
    pixels = stacked(planes, len(members))
    image = ImageArray(
        pixels=pixels if first.has_header or prompt.modality != "CT" else _hounsfield(pixels),
        prompt=prompt,
        window=next(((one.center, one.width) for one in display.windows[:1] if is_stated(one.name)), None),
        is_inverted=display.is_inverted,
        spacing_mm=stack.spacing_mm,
        screen=SCREEN if first.stored_format.is_as_shown else None,
    )
    return ReadImage(image, provenance, tags.text(first.dataset, "PatientID"))


def _plane(opened: _Opened, index: int) -> FloatArray:
    """[rows, columns] in modality units, colours as luminance."""
    values = to_modality_units(opened.frames[index], opened.stored_format, index)
    return luminance(values) if values.ndim == 3 else values


def _hounsfield(pixels: FloatArray) -> FloatArray:
    """Of a CT without a header: what lies in 0..1 shows ``SHOWN_HU``."""
    low, high = SHOWN_HU
    is_share = float(pixels.min()) >= 0 and float(pixels.max()) <= 1
    return np.asarray(pixels * (high - low) + low, dtype=np.float32) if is_share else pixels


def _words(opened: _Opened, dimension: str) -> dict[str, Any]:
    """What the header says of the acquisition, by keyword."""
    if not opened.has_header:
        return {"dimension": dimension}
    dataset, physical = opened.dataset, extract_physical_parameters(opened.dataset)
    words: dict[str, Any] = {name: tags.text(dataset, name) for name in (*SERIES_KEYWORDS, *ACQUISITION_KEYWORDS)}
    for keyword in CODE_SEQUENCES:
        words[keyword] = [tags.text(code, "CodeMeaning") for code in tags.sequence(dataset, keyword)]
    words |= {"EchoTime": physical.echo_time_ms, "RepetitionTime": physical.repetition_time_ms}
    words |= {"ConvolutionKernel": physical.convolution_kernel, "dimension": dimension}
    return {keyword: value for keyword, value in words.items() if value}
