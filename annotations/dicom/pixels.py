"""The frames of a Dataset as they were stored: compressed or not, grey values with their sign, colours as
RGB.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from annotations.dicom import tags
from annotations.dicom.codecs import Codestream, decode_codestream, decode_rle, read_codestream
from annotations.dicom.layout import PixelLayout
from annotations.dicom.refusals import RefusalReason, RefusedFile

_YBR = ("YBR_FULL", "YBR_FULL_422")


def encoded_frames(dataset: Dataset, layout: PixelLayout) -> list[bytes]:
    """The compressed frames, exactly as many as declared. Raises RefusedFile when there are fewer."""
    offsets = _extended_offsets(dataset)
    try:
        frames = list(generate_frames(dataset.PixelData, number_of_frames=layout.frame_count, extended_offsets=offsets))
    except Exception as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The compressed pixel data cannot be taken apart.") from error
    if len(frames) < layout.frame_count:
        raise RefusedFile(
            RefusalReason.TRUNCATED,
            "The file holds %(count)s of %(declared)s declared frames.",
            count=len(frames),
            declared=layout.frame_count,
        )
    return frames[: layout.frame_count]


def raw_frames(dataset: Dataset, layout: PixelLayout) -> Iterator[NDArray[Any]]:
    """Each frame as [rows, columns] grey or [rows, columns, 3] RGB, in the depth of the file.

    Raises RefusedFile, also in the middle of the iteration, when a frame cannot be decoded.
    """
    frames = _compressed(dataset, layout) if layout.is_compressed else _uncompressed(dataset, layout)
    if layout.photometric_interpretation != "PALETTE COLOR":
        yield from frames
        return
    shift = 8 if _has_long_colours(dataset) else 0
    for frame in frames:
        yield np.ascontiguousarray((_coloured(frame, dataset) >> shift).astype(np.uint8))


def _extended_offsets(dataset: Dataset) -> tuple[bytes, bytes] | None:
    table = tags.raw_value(dataset, "ExtendedOffsetTable")
    lengths = tags.raw_value(dataset, "ExtendedOffsetTableLengths")
    is_usable = isinstance(table, bytes) and isinstance(lengths, bytes) and len(table) == len(lengths)
    return (table, lengths) if is_usable else None


def _compressed(dataset: Dataset, layout: PixelLayout) -> Iterator[NDArray[Any]]:
    for content in encoded_frames(dataset, layout):
        header = read_codestream(content)
        if header is None:
            yield _decode_rle(content, layout)
            continue
        _check_header(header, layout)
        decoded = decode_codestream(content, header)
        if decoded.shape != _frame_shape(layout):
            raise RefusedFile(RefusalReason.UNDECODABLE, "The compressed pixels decode to another size.")
        values = reinterpret(decoded, precision=header.precision, is_signed=layout.is_signed)
        yield _to_rgb(values, _is_ybr(header, layout)) if layout.samples == 3 else values


def _frame_shape(layout: PixelLayout) -> tuple[int, ...]:
    return (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)


def _check_header(header: Codestream, layout: PixelLayout) -> None:
    if (header.rows, header.columns, header.samples) != (layout.rows, layout.columns, layout.samples):
        raise RefusedFile(
            RefusalReason.WRONG_LENGTH,
            "The compressed frame is %(coded)s, the header declares %(declared)s.",
            coded=f"{header.columns} x {header.rows} x {header.samples}",
            declared=f"{layout.columns} x {layout.rows} x {layout.samples}",
        )


def _is_ybr(header: Codestream, layout: PixelLayout) -> bool:
    """What the codestream says goes before what the header says; JPEG 2000 undoes its own transform."""
    if header.is_ybr is not None:
        return header.is_ybr
    return layout.photometric_interpretation in _YBR


def _decode_rle(content: bytes, layout: PixelLayout) -> NDArray[Any]:
    if not layout.is_rle:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The pixels are compressed in a way that is not supported.")
    if layout.bits_allocated == 1:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "Run-length coded bit masks are not supported.")
    planes = decode_rle(
        content,
        rows=layout.rows,
        columns=layout.columns,
        samples=layout.samples,
        bits_allocated=layout.bits_allocated,
    )
    values = reinterpret(planes, precision=layout.bits_stored, is_signed=layout.is_signed, low_bit=layout.low_bit)
    return _to_rgb(values, layout.photometric_interpretation in _YBR) if layout.samples == 3 else values


def _uncompressed(dataset: Dataset, layout: PixelLayout) -> Iterator[NDArray[Any]]:
    pixels = dataset[layout.keyword].value
    if layout.bits_allocated == 1:
        yield from _bit_frames(pixels, layout)
        return
    if layout.bits_allocated == 8 and not layout.transfer_syntax.is_little_endian:
        pixels = swap_words(pixels) if dataset[layout.keyword].VR == "OW" else pixels
    frame_bytes = layout.frame_bits // 8
    dtype = _native_dtype(layout)
    for index in range(layout.frame_count):
        values = np.frombuffer(pixels, dtype, count=frame_bytes // dtype.itemsize, offset=index * frame_bytes)
        yield _shape_native(values.astype(dtype.newbyteorder("=")), layout)


def _native_dtype(layout: PixelLayout) -> np.dtype[Any]:
    order = "<" if layout.transfer_syntax.is_little_endian else ">"
    kind = "f" if layout.is_float else "u"
    return np.dtype(f"{order}{kind}{layout.bits_allocated // 8}")


def _shape_native(values: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    if layout.is_float:
        return values.reshape(layout.rows, layout.columns)
    values = reinterpret(values, precision=layout.bits_stored, is_signed=layout.is_signed, low_bit=layout.low_bit)
    if layout.samples == 1:
        return values.reshape(layout.rows, layout.columns)
    if layout.photometric_interpretation == "YBR_FULL_422":
        shaped = _expand_422(values, layout)
    elif layout.is_planar:
        shaped = values.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    else:
        shaped = values.reshape(layout.rows, layout.columns, layout.samples)
    return _to_rgb(shaped, layout.photometric_interpretation in _YBR)


def _expand_422(values: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Y Y Cb Cr for two pixels becomes Y Cb Cr for each (PS3.3 C.7.6.3.1.2)."""
    pairs = values.reshape(-1, 4)
    pixels = np.stack([pairs[:, [0, 2, 3]], pairs[:, [1, 2, 3]]], axis=1)
    return pixels.reshape(layout.rows, layout.columns, 3)


def _bit_frames(pixels: bytes, layout: PixelLayout) -> Iterator[NDArray[Any]]:
    for index in range(layout.frame_count):
        yield bits_of_frame(pixels, index, layout.rows, layout.columns)


def bits_of_frame(content: bytes, index: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """The frame `index` (from 0) of packed bits, as 0 and 1: the first in the lowest bit of a byte, no gap between
    rows or frames (PS3.5 8.1.2). Raises ValueError where the content ends before.
    """
    start = index * rows * columns
    packed = np.frombuffer(content, np.uint8, offset=start // 8, count=(start % 8 + rows * columns + 7) // 8)
    bits = np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + rows * columns]
    return bits.reshape(rows, columns)


def swap_words(pixels: bytes) -> bytes:
    """Bytes of 16-bit words in the other order; an odd one gets a zero."""
    even = pixels + b"\0" * (len(pixels) % 2)
    return np.frombuffer(even, np.uint16).byteswap().tobytes()


def reinterpret(values: NDArray[Any], *, precision: int, is_signed: bool, low_bit: int = 0) -> NDArray[Any]:
    """Keep `precision` bits from `low_bit` on and extend the sign: unused bits may hold anything (PS3.5
    8.1.1).
    """
    bits = values.dtype.itemsize * 8
    plain = values.view(f"u{values.dtype.itemsize}")
    spare = bits - precision - low_bit
    if spare > 0:
        plain = plain << spare
    shift = max(bits - precision, 0)
    typed = plain.view(f"i{values.dtype.itemsize}") if is_signed else plain
    return typed >> shift if shift else typed


def _to_rgb(values: NDArray[Any], is_ybr: bool) -> NDArray[Any]:
    if not is_ybr:
        return np.ascontiguousarray(values)
    if values.dtype != np.uint8:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "YBR colours are supported with 8 bits a sample only.")
    return np.ascontiguousarray(convert_color_space(values, "YBR_FULL", "RGB"))


def _has_long_colours(dataset: Dataset) -> bool:
    """Some palettes declare 16 bits and keep 8 in them: told by all of their colours, not by those of a frame."""
    every_index = np.arange(2**16, dtype=np.uint16)  # beyond the last colour stands the last one (PS3.3 C.7.6.3.1.5)
    return bool(_coloured(every_index, dataset).max() > 255)


def _coloured(indices: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """[..., 3] in the palette's own depth."""
    try:
        return np.asarray(apply_color_lut(indices, dataset)[..., :3])
    except Exception as error:
        raise RefusedFile(RefusalReason.UNDECODABLE, "The colour palette is damaged.") from error
