"""Every decodable file of the corpora as a case of the reading room, and what it must look like.

The case and its frames are made by the product's own code; what is expected is decoded by pydicom's own decoders and
windowed after the standard's formulas, neither of which shares code with it.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels

from annotations.dicom.dicomjson import metadata
from annotations.dicom.frames import FrameFormat, decode_frames, encode_frame, frame_format
from annotations.dicom.loading import load_datasets
from annotations.dicom.overlays import read_overlays
from annotations.dicom.refusals import RefusedFile
from annotations.dicom.windows import Display, display_settings
from tests.annotations.dicom.builders import real_files

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# All of them take a quarter of an hour: MEDIQA_TEST_WHOLE_CORPUS=1 pytest tests/e2e/test_right_pixels.py
IS_WHOLE = "MEDIQA_TEST_WHOLE_CORPUS" in os.environ
LARGEST_BYTES = sys.maxsize if IS_WHOLE else 2_500_000
# A series is one kind of picture: of each folder of the shared data so many files are taken.
OF_A_FOLDER = sys.maxsize if IS_WHOLE else 14
MOST_FRAMES = 3


@dataclass
class Specimen:
    """One Dataset, as the viewer is given it."""

    name: str
    dataset: Dataset
    stored: FrameFormat
    display: Display
    frames: list[NDArray[Any]]

    @property
    def opening(self) -> int:
        return (len(self.frames) - 1) // 2

    def case(self, number: int) -> dict[str, Any]:
        shown = self.display.to_json()
        frames = [
            {"url": f"/corpus/{number}/frames/{index + 1}", "sop_instance_uid": "1.2", "frame_number": index + 1}
            for index in range(len(self.frames))
        ]
        image = {"id": number, "dimension": "2D", "modality": "OT", "title": f"{number}", "frames": frames}
        image |= {"overlays": {"1.2": overlays} if (overlays := read_overlays(self.dataset)) else {}}
        image |= {"frame_seconds": None, "windows": shown["windows"], "is_inverted": shown["is_inverted"]}
        criterion = {"key": "overall", "question": "Overall", "minimum": 0, "maximum": 4, "step": 1, "anchors": []}
        return {
            "assignment": f"corpus-{number}",
            "image": image | {"spacing_mm": None},
            "instances": {"1.2": metadata(self.dataset, self.stored)},
            "rubric": {"id": 1, "version": 1, "finding_types": [], "criteria": [criterion]},
            "lease_expires_at": "2100-01-01T00:00:00Z",
        }

    def codestream(self, index: int) -> bytes:
        return encode_frame(self.frames[index])


def specimen(name: str, dataset: Dataset) -> Specimen:
    stored = frame_format(dataset)
    frames = list(itertools.islice(decode_frames(dataset, stored), MOST_FRAMES))
    opening = (len(frames) - 1) // 2
    display = display_settings(dataset, stored, [frames[opening]], [opening])
    return Specimen(name, dataset, stored, display, frames)


def specimens() -> Iterator[Specimen]:
    for path in corpus_files():
        try:
            datasets = load_datasets(path.read_bytes())
            yield from (specimen(path.name, dataset) for dataset in datasets[:1])
        except RefusedFile:
            continue


def corpus_files() -> list[Path]:
    """pydicom's and pydicom-data's files, and where the folder exists the shared data; small ones."""
    shared = [path for folder in sorted(SHARED_DATA.glob("*/")) for path in _of_folder(folder)]
    files = [path for path in real_files() if path.suffix == ".dcm"] + shared
    return [path for path in files if path.stat().st_size <= LARGEST_BYTES]


def _of_folder(folder: Path) -> list[Path]:
    images = [path for path in sorted(folder.rglob("*")) if path.suffix in (".dcm", ".png", ".jpg", ".tif", ".gz")]
    return images[:: max(1, len(images) // OF_A_FOLDER)]


def expected_values(dataset: Dataset, index: int) -> NDArray[Any] | None:
    """The frame in modality units, or RGB; None where pydicom has no decoder of its own for it."""
    try:
        frame = next(itertools.islice(iter_pixels(dataset), index, None))
    except (RuntimeError, ValueError, NotImplementedError, AttributeError, StopIteration):
        return None
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        frame = apply_color_lut(frame, dataset)[..., :3]
        return (frame >> 8 if frame.max() > 255 else frame).astype(np.float64)
    if frame.ndim == 3:
        return (frame >> max(int(dataset.BitsStored) - 8, 0)).astype(np.float64)
    return _rescaled(frame, dataset, index)


def _rescaled(frame: NDArray[Any], dataset: Dataset, index: int) -> NDArray[np.float64]:
    groups = [
        group
        for sequence in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
        for position, group in enumerate(dataset.get(sequence) or [])
        if sequence.startswith("Shared") or position == index
    ]
    for group in groups:
        if transformation := group.get("PixelValueTransformationSequence"):
            slope, intercept = transformation[0].RescaleSlope, transformation[0].RescaleIntercept
            return frame * float(slope) + float(intercept)
    return np.asarray(apply_modality_lut(frame, dataset), np.float64)


def stretched(table: dict[str, Any], center: float, width: float) -> dict[str, Any]:
    """A table that was dragged to another window: its shape, between these ends."""
    first, last = table["points"][0][0], table["points"][-1][0]
    share = [((value - first) / (last - first), output) for value, output in table["points"]]
    return table | {"points": [(center + (part - 0.5) * width, output) for part, output in share]}


def shown_as(window: dict[str, Any], is_inverted: bool) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.1, C.11.2.1.3.2: values to 0 to 255."""

    def show(values: NDArray[np.float64]) -> NDArray[np.float64]:
        center, width = window["center"], window["width"]
        if window["function"] == "SIGMOID":
            output = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -500, 500)))
        elif window["function"] == "LINEAR_EXACT":
            output = (values - center) / width + 0.5
        elif window["function"] == "TABLE":
            output = np.interp(values, *zip(*window["points"], strict=True))
        else:
            output = (values - (center - 0.5)) / max(width - 1, 1e-3) + 0.5
        shown = np.clip(output, 0, 1) * 255
        return 255 - shown if is_inverted else shown

    return show
