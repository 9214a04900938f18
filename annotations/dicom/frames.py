"""Frames as they are stored and served: decoded once, lossless HTJ2K, 8 or 16 bits, grey or RGB.

HTJ2K: ISO/IEC 15444-15, transfer syntax 1.2.840.10008.1.2.4.202 (reversible, RPCL progression). What does
not fit in
16 bits (32-bit integers, floating point) is moved by an offset where that loses nothing and else quantised
in equal
steps; the FrameFormat says which, and its slope and intercept lead back to modality units.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from annotations.dicom import tags
from annotations.dicom.codecs import read_codestream
from annotations.dicom.functional_groups import FunctionalGroups
from annotations.dicom.layout import PixelLayout, read_layout
from annotations.dicom.modality_lut import ModalityTable, read_modality_table
from annotations.dicom.pixels import encoded_frames, raw_frames
from annotations.dicom.refusals import RefusalReason, RefusedFile

STORED_TRANSFER_SYNTAX_UID = "1.2.840.10008.1.2.4.202"
_STORED_STEPS = 65535
_FEWEST_STEPS = 256
_STORED_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int16))


@dataclass(frozen=True)
class FrameFormat:
    """How the frames of one Instance are stored: everything needed to show and to measure them.

    Modality units (HU for CT) = stored value * slope + intercept, by frame where `frame_rescales` is given.
    `offset` and `step`: stored value = round((value in the file - offset) / step).
    """

    rows: int
    columns: int
    frame_count: int
    samples_per_pixel: int
    bits_allocated: int
    is_signed: bool
    photometric_interpretation: str
    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    frame_rescales: tuple[tuple[float, float], ...] | None = None
    offset: float = 0.0
    step: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8, uint16 or int16."""
        return np.dtype(f"{'i' if self.is_signed else 'u'}{self.bits_allocated // 8}")

    @property
    def is_as_shown(self) -> bool:
        """Whether values are what a screen showed, 0 black and 255 white: bytes that stand for nothing else."""
        is_plain = self.rescale() == (1.0, 0.0) and (self.offset, self.step) == (0.0, 1.0)
        return self.dtype == np.uint8 and is_plain

    @property
    def is_colour(self) -> bool:
        return self.samples_per_pixel == 3

    def rescale(self, frame_index: int = 0) -> tuple[float, float]:
        """(slope, intercept) of the frame `frame_index` (from 0)."""
        return self.frame_rescales[frame_index] if self.frame_rescales else (self.slope, self.intercept)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "FrameFormat":
        rescales = stored.get("frame_rescales")
        return cls(
            **{
                **stored,
                "notes": tuple(stored.get("notes", ())),
                "frame_rescales": tuple((one[0], one[1]) for one in rescales) if rescales else None,
            }
        )


def frame_format(dataset: Dataset) -> FrameFormat:
    """The format in which the frames of `dataset` will be stored.

    Only 32-bit and floating point pixels are decoded for it. Raises RefusedFile.
    """
    layout = read_layout(dataset)
    if layout.samples == 3 or layout.photometric_interpretation == "PALETTE COLOR":
        return _colour_format(layout)
    table = read_modality_table(dataset)
    if table is not None and not layout.is_float:
        return _grey_format(dataset, layout, bits=16, is_signed=False, unit=table.unit)
    precision = _precision(dataset, layout)
    if layout.is_float or precision > 16:
        return _narrowed_format(dataset, layout)
    is_wide = precision > 8 or layout.is_signed or layout.bits_allocated > 8
    return _with_rescale(dataset, _grey_format(dataset, layout, bits=16 if is_wide else 8, is_signed=layout.is_signed))


def decode_frames(dataset: Dataset, stored_format: FrameFormat | None = None) -> Iterator[NDArray[Any]]:
    """Each frame in stored values: [rows, columns] uint8, uint16 or int16, or [rows, columns, 3] uint8.

    Raises RefusedFile, also in the middle of the iteration.
    """
    stored_format = stored_format or frame_format(dataset)
    layout = read_layout(dataset)
    table = None if stored_format.is_colour or layout.is_float else read_modality_table(dataset)
    for frame in raw_frames(dataset, layout):
        yield np.ascontiguousarray(_to_stored(frame, layout, table, stored_format))


def to_modality_units(frame: NDArray[Any], stored_format: FrameFormat, frame_index: int = 0) -> NDArray[np.float32]:
    """Stored values to modality units, float32, same shape; colours are returned as 0..255."""
    if stored_format.is_colour:
        return frame.astype(np.float32)
    slope, intercept = stored_format.rescale(frame_index)
    is_exact = _is_exact_in_float32(frame.dtype, float(slope), float(intercept))
    units: NDArray[Any] = frame.astype(np.float32 if is_exact else np.float64)
    units *= slope
    units += intercept
    return units.astype(np.float32, copy=False)


def _is_exact_in_float32(dtype: np.dtype[Any], slope: float, intercept: float) -> bool:
    """Whether all are whole numbers below 2**24, as of most scanners: float64 would give the same, slower."""
    is_whole = dtype.kind in "iu" and slope.is_integer() and intercept.is_integer()
    return is_whole and 256.0**dtype.itemsize * abs(slope) + abs(intercept) <= 2**24


def encode_frame(frame: NDArray[Any]) -> bytes:
    """One frame as a raw, reversible HTJ2K codestream; decoded again and compared before it is returned.

    Raises ValueError for any other type or shape than those of `decode_frames`.
    """
    is_grey = frame.ndim == 2 and frame.dtype in _STORED_DTYPES
    is_colour = frame.ndim == 3 and frame.shape[2:] == (3,) and frame.dtype == np.uint8
    if not (is_grey or is_colour) or frame.size == 0:
        raise ValueError(f"A frame of {frame.dtype} and shape {frame.shape} cannot be stored.")
    content = bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(frame), reversible=True, tlm=True))
    if not np.array_equal(decode_stored(content), frame):
        raise ValueError("The frame does not survive lossless compression; report this with the file's type.")
    return content


def decode_stored(content: bytes) -> NDArray[Any]:
    """The frame that `encode_frame` stored. Raises ValueError when the bytes are damaged."""
    try:
        decoded: NDArray[Any] = imagecodecs.htj2k_decode(content)
    except Exception as error:
        raise ValueError("The stored frame is damaged.") from error
    return decoded


def _to_stored(
    frame: NDArray[Any], layout: PixelLayout, table: ModalityTable | None, stored_format: FrameFormat
) -> NDArray[Any]:
    if stored_format.is_colour:
        return _to_eight_bits(frame, layout.bits_stored)
    if table is not None:
        return table.apply(frame)
    if stored_format.step != 1.0 or stored_format.offset != 0.0 or frame.dtype.kind == "f":
        scaled = (_finite(frame, stored_format.offset).astype(np.float64) - stored_format.offset) / (stored_format.step)
        return np.clip(np.rint(scaled), 0, _STORED_STEPS).astype(np.uint16)
    return frame.astype(stored_format.dtype)


def _finite(frame: NDArray[Any], fill: float) -> NDArray[Any]:
    return np.nan_to_num(frame, nan=fill, posinf=fill, neginf=fill) if frame.dtype.kind == "f" else frame


def _to_eight_bits(frame: NDArray[Any], bits_stored: int) -> NDArray[np.uint8]:
    if frame.dtype == np.uint8:
        return frame
    return (frame.view(f"u{frame.dtype.itemsize}") >> max(bits_stored - 8, 0)).astype(np.uint8)


def _colour_format(layout: PixelLayout) -> FrameFormat:
    is_deep = layout.samples == 3 and layout.bits_stored > 8
    notes = (f"Colour samples of {layout.bits_stored} bits are stored with their upper 8 bits.",) if is_deep else ()
    return FrameFormat(
        rows=layout.rows,
        columns=layout.columns,
        frame_count=layout.frame_count,
        samples_per_pixel=3,
        bits_allocated=8,
        is_signed=False,
        photometric_interpretation="RGB",
        notes=notes,
    )


def _grey_format(dataset: Dataset, layout: PixelLayout, *, bits: int, is_signed: bool, unit: str = "") -> FrameFormat:
    is_inverse = tags.text(dataset, "PresentationLUTShape").upper() == "INVERSE"
    is_inverted = is_inverse or layout.photometric_interpretation == "MONOCHROME1"
    return FrameFormat(
        rows=layout.rows,
        columns=layout.columns,
        frame_count=layout.frame_count,
        samples_per_pixel=1,
        bits_allocated=bits,
        is_signed=is_signed,
        photometric_interpretation="MONOCHROME1" if is_inverted else "MONOCHROME2",
        unit=unit,
    )


def _precision(dataset: Dataset, layout: PixelLayout) -> int:
    """Bits of a sample: of the codestream where there is one, since headers differ from it."""
    if not layout.is_compressed:
        return layout.bits_stored
    header = read_codestream(encoded_frames(dataset, layout)[0])
    return header.precision if header else layout.bits_stored


def _narrowed_format(dataset: Dataset, layout: PixelLayout) -> FrameFormat:
    low, high, is_whole, core = _survey(dataset, layout)
    offset, step, notes = _narrowing(low, high, is_whole, core)
    plain = _grey_format(dataset, layout, bits=16, is_signed=False)
    return _with_rescale(dataset, FrameFormat(**{**_fields(plain), "offset": offset, "step": step, "notes": notes}))


def _survey(dataset: Dataset, layout: PixelLayout) -> tuple[float, float, bool, float]:
    """Lowest and highest finite value, whether all are whole numbers, and the spread of the middle 98 %."""
    low, high, is_whole, core = math.inf, -math.inf, True, 0.0
    for frame in raw_frames(dataset, layout):
        values = frame[np.isfinite(frame)] if frame.dtype.kind == "f" else frame.ravel()
        if values.size == 0:
            continue
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        is_whole = is_whole and (values.dtype.kind != "f" or bool(np.all(values == np.rint(values))))
        first, last = np.percentile(values[:: max(values.size // 65536, 1)], (1, 99))
        core = max(core, float(last - first))
    if not math.isfinite(low) or not math.isfinite(high - low):
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The pixels hold no finite numbers that can be shown.")
    return low, high, is_whole, core


def _narrowing(low: float, high: float, is_whole: bool, core: float) -> tuple[float, float, tuple[str, ...]]:
    if is_whole and low >= 0 and high <= _STORED_STEPS:
        return 0.0, 1.0, ()
    if is_whole and high - low <= _STORED_STEPS:
        return low, 1.0, ()
    step = (high - low) / _STORED_STEPS or 1.0
    if core and core / step < _FEWEST_STEPS:
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "A few extreme values stretch the range so far that 16 bits cannot keep the image.",
        )
    return low, step, (f"Values beyond 16 bits are stored in {_STORED_STEPS} steps of {step:.6g}.",)


def _with_rescale(dataset: Dataset, plain: FrameFormat) -> FrameFormat:
    """Compose the header's rescale with the offset and the step of `plain`."""
    groups = FunctionalGroups(dataset)
    found = [_header_rescale(dataset, groups, index) for index in range(plain.frame_count)]
    composed = tuple((slope * plain.step, slope * plain.offset + intercept) for slope, intercept in found)
    return FrameFormat(
        **{
            **_fields(plain),
            "slope": composed[0][0],
            "intercept": composed[0][1],
            "unit": _unit(dataset, groups),
            "frame_rescales": composed if len(set(composed)) > 1 else None,
        }
    )


def _header_rescale(dataset: Dataset, groups: FunctionalGroups, index: int) -> tuple[float, float]:
    source = groups.find(index, "PixelValueTransformationSequence")
    source = dataset if source is None else source
    slope, intercept = tags.number(source, "RescaleSlope"), tags.number(source, "RescaleIntercept")
    return (slope or 1.0), (intercept or 0.0)


def _unit(dataset: Dataset, groups: FunctionalGroups) -> str:
    source = groups.find(0, "PixelValueTransformationSequence")
    found = tags.text(dataset if source is None else source, "RescaleType") or tags.text(dataset, "Units")
    if tags.text(dataset, "Modality") == "CT" and found.upper() in ("", "HU", "US"):
        return "HU"
    return "" if found.upper() in ("US", "NONE") else found


def _fields(plain: FrameFormat) -> dict[str, Any]:
    return dict(vars(plain))
