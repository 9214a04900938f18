"""Bytes to a Dataset that is known to hold an image, or a refusal that says why not.

A file without preamble or meta header is read where its first elements look like DICOM (PS3.10 section 7).
Nothing is
decoded here: declared sizes are compared with what is there, so that a lie costs no memory.
"""

import re
import zlib
from io import BytesIO
from typing import BinaryIO

from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.encaps import generate_fragments
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from annotations.dicom import tags
from annotations.dicom.codecs import read_codestream
from annotations.dicom.layout import MAXIMUM_DECODED_BYTES, PIXEL_KEYWORDS, PixelLayout, read_layout
from annotations.dicom.refusals import RefusalReason, RefusedFile, Sentence

__all__ = ["MAXIMUM_FILE_BYTES", "RefusalReason", "RefusedFile", "is_dicom", "read_dataset"]

MAXIMUM_FILE_BYTES = 4 * 2**30
MAXIMUM_INFLATED_BYTES = 2**30
_UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")
_REQUIRED_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_DICOMDIR_UID = "1.2.840.10008.1.3.10"
_NOT_JUDGED = {
    "1.2.840.10008.5.1.4.1.1.481.2": Sentence("This object is a radiotherapy dose grid and not an image to be judged."),
    "1.2.840.10008.5.1.4.1.1.66.4": Sentence("This object is a segmentation and not an image to be judged."),
    "1.2.840.10008.5.1.4.1.1.66.7": Sentence("This object is a label map segmentation and not an image to be judged."),
}
_VIDEO_PREFIXES = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7.")
_LONG_VRS = (b"OB", b"OW", b"OF", b"SQ", b"UT", b"UN", b"OD", b"OL", b"UC", b"UR")
_FIRST_GROUPS = (0x0002, 0x0004, 0x0008)
_FAMILY_SYNTAXES = {"JPEG": JPEGBaseline8Bit, "JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000, "HTJ2K": JPEG2000}


def is_dicom(content: bytes) -> bool:
    """True when the bytes start like DICOM, with or without the 128-byte preamble and the meta header."""
    return content[128:132] == b"DICM" or content[:4] == b"DICM" or _starts_like_elements(content)


def read_dataset(
    content: bytes | BinaryIO, *, maximum_decoded_bytes: int = MAXIMUM_DECODED_BYTES, needs_uids: bool = True
) -> Dataset:
    """The Dataset of one DICOM image file.

    It has a transfer syntax, valid UIDs for class, instance, study and series, and pixel data as long as
    declared. Without `needs_uids` those of class, instance, study and series may be absent: nothing will be stored.
    Raises RefusedFile, and nothing else, for everything that is not such a file.
    """
    plain = content if isinstance(content, bytes) else content.read()
    _check_content(plain)
    try:
        dataset = _parse(plain)
        _complete_meta(dataset)
    except RefusedFile:
        raise
    except (Exception, RecursionError) as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The DICOM elements are damaged and cannot be read.") from error
    _check_kind(dataset)
    if needs_uids:
        _check_uids(dataset)
    _check_pixels(dataset, read_layout(dataset, maximum_decoded_bytes=maximum_decoded_bytes))
    return dataset


def _check_content(content: bytes) -> None:
    if not content:
        raise RefusedFile(RefusalReason.EMPTY, "The file is empty.")
    if len(content) > MAXIMUM_FILE_BYTES:
        raise RefusedFile(
            RefusalReason.TOO_LARGE, "The file is larger than %(gib)s GiB.", gib=MAXIMUM_FILE_BYTES // 2**30
        )
    if not is_dicom(content):
        raise RefusedFile(RefusalReason.NOT_AN_IMAGE_FILE, "This is not a DICOM file.")


def _starts_like_elements(content: bytes) -> bool:
    """An even group of 2, 4 or 8 and a small element number, in either byte order: headerless DICOM starts
    so.
    """
    if len(content) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(content[:2], order)
        element = int.from_bytes(content[2:4], order)
        if group in _FIRST_GROUPS and element <= 0x0100:
            return True
    return False


def _parse(content: bytes) -> Dataset:
    if content[:4] == b"DICM":  # a meta header whose preamble was cut off
        content = bytes(128) + content
    if content[128:132] == b"DICM":
        syntax, start = _scan_meta(content)
        if syntax == DeflatedExplicitVRLittleEndian:
            content = _meta_header(ExplicitVRLittleEndian) + _inflate(content[start:])
    return dcmread(BytesIO(content), force=True)


def _scan_meta(content: bytes) -> tuple[str, int]:
    """(transfer syntax, offset of the first element after the meta header): explicit VR, little endian."""
    offset, syntax = 132, ""
    while content[offset : offset + 2] == b"\x02\x00":
        is_long = content[offset + 4 : offset + 6] in _LONG_VRS
        start = offset + (12 if is_long else 8)
        length = int.from_bytes(content[start - (4 if is_long else 2) : start], "little")
        if content[offset + 2 : offset + 4] == b"\x10\x00":
            syntax = content[start : start + length].decode("ascii", "replace").strip(" \0")
        offset = start + length
    return syntax, offset


def _inflate(deflated: bytes) -> bytes:
    """Undo the Deflated transfer syntax (PS3.5 A.5) within a limit."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(deflated, MAXIMUM_INFLATED_BYTES)
    except zlib.error as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The deflated elements are damaged.") from error
    if inflater.unconsumed_tail:
        raise RefusedFile(
            RefusalReason.ARCHIVE_BOMB,
            "The deflated elements unfold to more than %(gib)s GiB.",
            gib=MAXIMUM_INFLATED_BYTES // 2**30,
        )
    return plain


def _meta_header(syntax: str) -> bytes:
    """A preamble and the two elements of group 2 that reading needs (PS3.10 section 7.1)."""
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\x02\x00\x10\x00UI" + len(value).to_bytes(2, "little") + value
    length = b"\x02\x00\x00\x00UL\x04\x00" + len(element).to_bytes(4, "little")
    return bytes(128) + b"DICM" + length + element


def _complete_meta(dataset: Dataset) -> None:
    """Give the Dataset a transfer syntax where its meta header has none, from how it reads."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    declared = UID(tags.text(dataset.file_meta, "TransferSyntaxUID"))
    if not declared or not declared.is_transfer_syntax:
        dataset.file_meta.TransferSyntaxUID = _guess_syntax(dataset)


def _guess_syntax(dataset: Dataset) -> UID:
    is_implicit, is_little = dataset.original_encoding
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        header = read_codestream(next(generate_fragments(_fragments(dataset.PixelData)), b""))
        return _FAMILY_SYNTAXES[header.family] if header else RLELossless
    if is_little is False:
        return ExplicitVRBigEndian
    return ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian


def _fragments(pixels: bytes) -> bytes:
    """The encapsulated stream without its first fragment, which is the Basic Offset Table (PS3.5 A.4)."""
    return pixels[8 + int.from_bytes(pixels[4:8], "little") :]


def _check_kind(dataset: Dataset) -> None:
    sop_class = UID(tags.text(dataset, "SOPClassUID"))
    if _is_directory(dataset):
        raise RefusedFile(RefusalReason.DICOMDIR, "This is a DICOMDIR, an index; the files it lists are read.")
    if not sop_class and not any(keyword in dataset for keyword in (*PIXEL_KEYWORDS, "SOPInstanceUID")):
        raise RefusedFile(RefusalReason.NOT_AN_IMAGE_FILE, "This is not a DICOM image file.")
    if sop_class in _NOT_JUDGED:
        raise RefusedFile(RefusalReason.NOT_DICOM_IMAGE, _NOT_JUDGED[sop_class])
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        raise _without_pixels(dataset, sop_class)


def _without_pixels(dataset: Dataset, sop_class: UID) -> RefusedFile:
    name = sop_class.name.removesuffix(" Storage")
    if "Rows" in dataset or " Image" in name:
        return RefusedFile(RefusalReason.TRUNCATED, "The pixel data are missing; the file may have been cut off.")
    if sop_class.name == sop_class:
        return RefusedFile(RefusalReason.NOT_DICOM_IMAGE, "This DICOM object is of an unknown kind and holds no image.")
    return RefusedFile(RefusalReason.NOT_DICOM_IMAGE, "This DICOM object (%(name)s) holds no image.", name=name)


def _is_directory(dataset: Dataset) -> bool:
    media_class = tags.text(dataset.file_meta, "MediaStorageSOPClassUID")
    return media_class == _DICOMDIR_UID or "DirectoryRecordSequence" in dataset


def _check_uids(dataset: Dataset) -> None:
    for keyword in _REQUIRED_UIDS:
        found = tags.text(dataset, keyword)
        if not found:
            raise RefusedFile(RefusalReason.MISSING_TAG, "The tag %(keyword)s is missing.", keyword=keyword)
        if len(found) > 64 or not _UID_PATTERN.fullmatch(found):
            raise RefusedFile(RefusalReason.INVALID_UID, "The tag %(keyword)s is not a valid UID.", keyword=keyword)
        setattr(dataset, keyword, found)


def _check_pixels(dataset: Dataset, layout: PixelLayout) -> None:
    if str(layout.transfer_syntax).startswith(_VIDEO_PREFIXES):
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "Video streams (MPEG, H.264, H.265) are not supported.")
    pixels = tags.raw_value(dataset, layout.keyword)
    if not isinstance(pixels, bytes) or not pixels:
        raise RefusedFile(RefusalReason.TRUNCATED, "The pixel data are empty.")
    if layout.is_compressed:
        return
    needed = (layout.frame_bits * layout.frame_count + 7) // 8
    if len(pixels) < needed:
        raise RefusedFile(
            RefusalReason.TRUNCATED,
            "The pixel data end after %(count)s of %(needed)s declared bytes.",
            count=len(pixels),
            needed=needed,
        )
