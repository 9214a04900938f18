"""Overlay planes as a viewer is given them: drawings of one bit a pixel that lie over the image (PS3.3 C.9.2).

Groups 6000 to 601E, types G (graphics) and R (region of interest): in elements of their own or, as was usual until
2004, in those bits of the pixel data that the pixels do not use. Labels and descriptions, in which anything may be
written, are not taken.
"""

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from annotations.dicom.layout import PixelLayout, read_layout
from annotations.dicom.pixels import bits_of_frame, raw_frames, swap_words
from annotations.dicom.refusals import RefusedFile

GROUPS = range(0x6000, 0x6020, 2)
MAXIMUM_BYTES = 16 * 2**20
_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FIRST_FRAME = 0x0010, 0x0011, 0x0015, 0x0040, 0x0050, 0x0051
_BIT_POSITION, _DATA = 0x0102, 0x3000


@dataclass(frozen=True)
class _Plane:
    """What one group says: `top` and `left` count from 0 and may lie outside of the image, as the plane may."""

    dataset: Dataset
    group: int
    kind: str
    top: int
    left: int


def read_overlays(dataset: Dataset) -> dict[str, Any]:
    """The drawings over an Instance, ready for JSON; {} where there are none. Never raises.

    `pictures`: each with `kind` (G or R), `left`, `top`, `width`, `height` in pixels of the image, to which it is cut,
    and `bits`: base64 of the zlib stream of its bits, row after row without a gap, the first in the lowest bit of a
    byte (PS3.5 8.1.2). `frames`: for each frame of the Instance the places in `pictures` of what lies over it.
    Drawings that take more than MAXIMUM_BYTES together are left out.
    """
    try:
        layout = read_layout(dataset)
    except RefusedFile:
        return {}
    pictures: dict[tuple[Any, ...], int] = {}
    frames: list[list[int]] = [[] for _ in range(layout.frame_count)]
    for plane in _planes(dataset):
        for indices, bits in _readable(_drawn(plane, layout)):
            picture = _picture(plane, bits, layout)
            if picture is not None:
                place = pictures.setdefault(picture, len(pictures))
                for index in indices:
                    frames[index].append(place)
    if not pictures or sum(len(picture[-1]) for picture in pictures) > MAXIMUM_BYTES:
        return {}
    names = ("kind", "left", "top", "width", "height", "bits")
    return {"pictures": [dict(zip(names, picture, strict=True)) for picture in pictures], "frames": frames}


def _planes(dataset: Dataset) -> Iterator[_Plane]:
    for group in GROUPS:
        if _value(dataset, group, _DATA) is None and _value(dataset, group, _BIT_POSITION) is None:
            continue
        kind = str(_value(dataset, group, _TYPE) or "G").strip().upper()
        top, left = _origin(dataset, group)
        if kind in ("G", "R"):
            yield _Plane(dataset, group, kind, top, left)


def _origin(dataset: Dataset, group: int) -> tuple[int, int]:
    """Row and column of the image on which the plane begins, from 0; its first where the header does not say."""
    try:
        row, column = (int(one) for one in _value(dataset, group, _ORIGIN))
    except (TypeError, ValueError):
        return 0, 0
    return row - 1, column - 1


def _drawn(plane: _Plane, layout: PixelLayout) -> Iterator[tuple[Iterable[int], NDArray[np.uint8]]]:
    """The bits of the plane [rows, columns], each with the frames of the Instance that it lies over (from 0)."""
    content = _value(plane.dataset, plane.group, _DATA)
    return _embedded(plane, layout) if content is None else _of_its_own(plane, layout, content)


def _of_its_own(
    plane: _Plane, layout: PixelLayout, content: bytes
) -> Iterator[tuple[Iterable[int], NDArray[np.uint8]]]:
    dataset, group = plane.dataset, plane.group
    rows, columns = _number(dataset, group, _ROWS) or 0, _number(dataset, group, _COLUMNS) or 0
    if rows < 1 or columns < 1:
        return
    if not layout.transfer_syntax.is_little_endian and dataset[group, _DATA].VR == "OW":
        content = swap_words(content)
    first, count = _number(dataset, group, _FIRST_FRAME), _number(dataset, group, _FRAMES) or 1
    if first is None and count == 1:
        yield range(layout.frame_count), bits_of_frame(content, 0, rows, columns)
        return
    start = (first or 1) - 1
    for number in range(count):
        if 0 <= start + number < layout.frame_count:
            yield [start + number], bits_of_frame(content, number, rows, columns)


def _embedded(plane: _Plane, layout: PixelLayout) -> Iterator[tuple[Iterable[int], NDArray[np.uint8]]]:
    """The bit of each pixel that OverlayBitPosition names, where it is none of the pixel's own (retired in 2004)."""
    position = _number(plane.dataset, plane.group, _BIT_POSITION)
    own = range(layout.low_bit, layout.low_bit + layout.bits_stored)
    if position is None or position in own or not 0 <= position < layout.bits_allocated:
        return
    if layout.samples != 1 or layout.is_float:
        return
    whole = replace(
        layout,
        bits_stored=layout.bits_allocated,
        low_bit=0,
        is_signed=False,
        photometric_interpretation="MONOCHROME2",
    )
    for index, frame in enumerate(raw_frames(plane.dataset, whole)):
        yield [index], (frame >> position & 1).astype(np.uint8)


def _readable(
    drawn: Iterator[tuple[Iterable[int], NDArray[np.uint8]]],
) -> Iterator[tuple[Iterable[int], NDArray[np.uint8]]]:
    """Up to the first that is damaged."""
    try:
        yield from drawn
    except (RefusedFile, ValueError, TypeError):
        return


def _picture(plane: _Plane, bits: NDArray[np.uint8], layout: PixelLayout) -> tuple[Any, ...] | None:
    """Kind, left, top, width, height and bits of the smallest part of the image that holds all that is drawn."""
    top, left = plane.top, plane.left
    inside = bits[
        max(-top, 0) : max(layout.rows - top, 0),
        max(-left, 0) : max(layout.columns - left, 0),
    ]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    part = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    packed = zlib.compress(np.packbits(part, bitorder="little").tobytes(), 9)
    height, width = part.shape
    place = (max(left, 0) + int(columns[0]), max(top, 0) + int(rows[0]))
    return (plane.kind, *place, width, height, base64.b64encode(packed).decode("ascii"))


def _value(dataset: Dataset, group: int, element: int) -> Any:
    try:
        value = dataset[group, element].value
    except Exception:
        return None
    return None if value is None or value in ("", b"") else value


def _number(dataset: Dataset, group: int, element: int) -> int | None:
    try:
        return int(_value(dataset, group, element))
    except (TypeError, ValueError):
        return None
