"""One compressed frame to an array: JPEG (8, 12, 16 bit, lossy and lossless), JPEG-LS, JPEG 2000, HTJ2K, RLE.

The codestream is recognised by its first bytes and not by the Transfer Syntax: files whose header names the
wrong one
are common. Its own size is compared with the header's before anything is allocated.
"""

import struct
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from rle.utils import decode_pixel_data

from annotations.dicom.refusals import RefusalReason, RefusedFile

JPEG_START = b"\xff\xd8\xff"
JPEG_2000_START = b"\xff\x4f\xff\x51"
JP2_BOX_START = b"\x00\x00\x00\x0cjP  "
_SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE_MARKERS = frozenset(range(0xD0, 0xD9)) | {0x01}
_RGB_IDENTIFIERS = (b"RGB", b"rgb")


@dataclass(frozen=True)
class Codestream:
    """What a codestream says of itself, before it is decoded.

    `is_ybr`: True or False where the stream says in which colours its three components are, else None.
    """

    family: str
    rows: int
    columns: int
    samples: int
    precision: int
    is_ybr: bool | None = None


def read_codestream(content: bytes) -> Codestream | None:
    """Read the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream; None for anything else."""
    try:
        if content.startswith(JPEG_START):
            return _read_jpeg(content)
        start = _jpeg_2000_start(content)
        return None if start is None else _read_jpeg_2000(content, start)
    except (struct.error, IndexError):
        return None


def decode_codestream(content: bytes, header: Codestream) -> NDArray[Any]:
    """Decode one frame: [rows, columns] or [rows, columns, samples]; colours as they are in the stream.

    Raises RefusedFile when the decoder gives up.
    """
    try:
        decoded: NDArray[Any] = _DECODERS[header.family](content, header)
    except Exception as error:
        raise RefusedFile(
            RefusalReason.UNDECODABLE, "The compressed pixels (%(family)s) are damaged.", family=header.family
        ) from error
    return decoded


def decode_rle(content: bytes, *, rows: int, columns: int, samples: int, bits_allocated: int) -> NDArray[Any]:
    """Decode one DICOM RLE frame (PS3.5 annex G) to [rows, columns] or [rows, columns, samples].

    Not with imagecodecs, whose decoder writes out of bounds on damaged frames.
    """
    size: dict[str, Any] = {"rows": rows, "columns": columns, "bits_allocated": bits_allocated}
    try:
        planes = np.frombuffer(decode_pixel_data(content, version=2, **size), f"<u{bits_allocated // 8}")
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise  # a panic of the Rust decoder is no Exception, and no reason to stop
        raise RefusedFile(RefusalReason.UNDECODABLE, "The compressed pixels (RLE) are damaged.") from error
    if planes.size != rows * columns * samples:
        raise RefusedFile(RefusalReason.UNDECODABLE, "The compressed pixels (RLE) decode to another size.")
    shaped = planes.reshape(samples, rows, columns)
    return shaped[0] if samples == 1 else shaped.transpose(1, 2, 0)


def _read_jpeg(content: bytes) -> Codestream | None:
    offset, has_jfif, adobe_transform = 2, False, None
    while offset + 4 <= len(content):
        if content[offset] != 0xFF:
            return None
        marker = content[offset + 1]
        if marker == 0xFF or marker in _STANDALONE_MARKERS:
            offset += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", content, offset + 2)
        segment = content[offset + 4 : offset + 2 + length]
        if marker in _SOF_MARKERS:
            return _jpeg_header(marker, segment, has_jfif, adobe_transform)
        has_jfif = has_jfif or (marker == 0xE0 and segment.startswith(b"JFIF"))
        if marker == 0xEE and segment.startswith(b"Adobe") and len(segment) >= 12:
            adobe_transform = segment[11]
        offset += 2 + max(length, 2)
    return None


def _jpeg_header(marker: int, segment: bytes, has_jfif: bool, adobe_transform: int | None) -> Codestream:
    precision, rows, columns, samples = struct.unpack_from(">BHHB", segment)
    components = [segment[6 + 3 * index : 9 + 3 * index] for index in range(samples)]
    identifiers = bytes(component[0] for component in components)
    is_subsampled = len({component[1] for component in components}) > 1
    is_ybr = _jpeg_is_ybr(identifiers, has_jfif or is_subsampled, adobe_transform)
    family = "JPEG-LS" if marker == 0xF7 else "JPEG"
    return Codestream(family, rows, columns, samples, precision, is_ybr if samples == 3 else None)


def _jpeg_is_ybr(identifiers: bytes, says_ybr: bool, adobe_transform: int | None) -> bool | None:
    """The rules of libjpeg's `default_decompress_parms`, None where they would only guess."""
    if adobe_transform is not None:
        return adobe_transform == 1
    if identifiers in _RGB_IDENTIFIERS:
        return False
    return True if says_ybr else None


def _jpeg_2000_start(content: bytes) -> int | None:
    if content.startswith(JPEG_2000_START):
        return 0
    if not content.startswith(JP2_BOX_START):
        return None
    found = content.find(JPEG_2000_START, 0, 4096)
    return found if found >= 0 else None


def _read_jpeg_2000(content: bytes, start: int) -> Codestream:
    """SIZ marker segment: ISO/IEC 15444-1, A.5.1. Bit 14 of Rsiz/CAP marks HTJ2K (15444-15)."""
    capabilities, x1, y1, x0, y0 = struct.unpack_from(">HIIII", content, start + 6)
    (samples,) = struct.unpack_from(">H", content, start + 40)
    precision = (content[start + 42] & 0x7F) + 1
    family = "HTJ2K" if capabilities & 0x4000 else "JPEG 2000"
    return Codestream(family, y1 - y0, x1 - x0, samples, precision)


def _decode_jpeg(content: bytes, header: Codestream) -> NDArray[Any]:
    untouched: dict[str, Any] = {"colorspace": "YCbCr", "outcolorspace": "YCbCr"} if header.samples == 3 else {}
    decoded: NDArray[Any] = imagecodecs.jpeg8_decode(content, **untouched)
    return decoded


def _decode_jpeg_2000(content: bytes, header: Codestream) -> NDArray[Any]:
    decoded: NDArray[Any] = imagecodecs.jpeg2k_decode(content, planar=False)
    return decoded


def _decode_htj2k(content: bytes, header: Codestream) -> NDArray[Any]:
    start = _jpeg_2000_start(content) or 0
    decoded: NDArray[Any] = imagecodecs.htj2k_decode(content[start:], planar=False)
    return decoded


def _decode_jpeg_ls(content: bytes, header: Codestream) -> NDArray[Any]:
    decoded: NDArray[Any] = imagecodecs.jpegls_decode(content)
    return decoded


_DECODERS = {
    "JPEG": _decode_jpeg,
    "JPEG-LS": _decode_jpeg_ls,
    "JPEG 2000": _decode_jpeg_2000,
    "HTJ2K": _decode_htj2k,
}
