"""Datasets and files for the tests, and the whole way from bytes to what is stored."""

from io import BytesIO
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from annotations.dicom.dicomjson import dumps, metadata
from annotations.dicom.frames import decode_frames, frame_format
from annotations.dicom.geometry import group_slices, slice_headers
from annotations.dicom.loading import load_datasets
from annotations.dicom.physical import extract_physical_parameters
from annotations.dicom.slices import SliceHeader
from annotations.dicom.thumbnails import thumbnail
from annotations.dicom.windows import display_settings

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
DATA_STORE_FILES = Path(data_store.__file__).parent / "data"


def real_files() -> list[Path]:
    """Every file that pydicom and pydicom-data ship, without the repeated tiny ones of one folder."""
    found = [path for folder in (PYDICOM_FILES, DATA_STORE_FILES) for path in sorted(folder.rglob("*"))]
    return [path for path in found if path.is_file() and "TINY_ALPHA" not in path.parts]


def make_dataset(pixels: NDArray[Any] | None = None, **elements: Any) -> Dataset:
    """A CT slice, or whatever `elements` make of it."""
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) if pixels is None else pixels
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Modality = "CT"
    dataset.PatientName = "SECRET^NAME"
    dataset.PatientID = "SECRET-ID"
    set_pixels(dataset, values)
    for keyword, value in elements.items():
        if value is None:
            dataset.pop(keyword, None)
        else:
            setattr(dataset, keyword, value)
    return dataset


def set_pixels(dataset: Dataset, values: NDArray[Any]) -> None:
    """Image Pixel module for [rows, columns], [frames, rows, columns] or [rows, columns, 3] (uint8)."""
    is_colour = values.ndim == 3 and values.shape[-1] == 3
    frames = values.shape[0] if values.ndim == 3 and not is_colour else 1
    dataset.Rows, dataset.Columns = values.shape[:2] if is_colour else values.shape[-2:]
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.SamplesPerPixel = 3 if is_colour else 1
    dataset.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = values.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    content = values.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)


def with_overlay(
    dataset: Dataset, content: bytes, *, group: int = 0x6000, shape: tuple[int, int] = (8, 8), **elements: Any
) -> Dataset:
    """`dataset` with an overlay plane of these bits; `elements`: kind, origin, frames, first, vr."""
    dataset.add_new((group, 0x0010), "US", shape[0])
    dataset.add_new((group, 0x0011), "US", shape[1])
    dataset.add_new((group, 0x0040), "CS", elements.get("kind", "G"))
    dataset.add_new((group, 0x0050), "SS", elements.get("origin", [1, 1]))
    dataset.add_new((group, 0x0100), "US", 1)
    dataset.add_new((group, 0x0102), "US", 0)
    for name, element, vr in (("frames", 0x0015, "IS"), ("first", 0x0051, "US")):
        if name in elements:
            dataset.add_new((group, element), vr, elements[name])
    dataset.add_new((group, 0x3000), elements.get("vr", "OW"), content)
    return dataset


def packed_bits(*frames: NDArray[Any]) -> bytes:
    """Masks as overlay data: the first pixel in the lowest bit, no gap between rows or frames (PS3.5 8.1.2)."""
    bits = np.concatenate([frame.ravel() for frame in frames]).astype(np.uint8)
    content = np.packbits(bits, bitorder="little").tobytes()
    return content + b"\0" * (len(content) % 2)


def to_bytes(dataset: Dataset) -> bytes:
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def ingest(content: bytes) -> list[NDArray[Any]]:
    """All that is done with a file at ingest; the stored frames."""
    stored, headers = [], []
    for dataset in load_datasets(content):
        stored_format = frame_format(dataset)
        frames = list(decode_frames(dataset, stored_format))
        assert len(frames) == stored_format.frame_count
        assert {frame.dtype for frame in frames} == {stored_format.dtype}
        display = display_settings(dataset, stored_format, frames[:1])
        thumbnail(frames[0], window=display.windows[0] if display.windows else None)
        extract_physical_parameters(dataset)
        dumps(metadata(dataset, stored_format))
        headers += slice_headers(dataset)
        stored += frames
    group_slices(headers)
    return stored


def make_header(z: float = 0.0, **fields: Any) -> SliceHeader:
    """An axial CT slice at height `z` mm."""
    plain: dict[str, Any] = {
        "sop_instance_uid": f"1.2.{round(z * 1000) + 10_000_000}",
        "frame_number": 1,
        "series_instance_uid": "1.2.3",
        "modality": "CT",
        "rows": 512,
        "columns": 512,
        "frame_count": 1,
        "position_mm": (0.0, 0.0, z),
        "orientation": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        "spacing_mm": (0.7, 0.7),
        "image_type": ("ORIGINAL", "PRIMARY", "AXIAL"),
    }
    return SliceHeader(**{**plain, **fields})
