"""How the pixels of a Dataset are declared to lie in the file, checked before anything is allocated."""

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import UID, RLELossless

from annotations.dicom import tags
from annotations.dicom.refusals import RefusalReason, RefusedFile

MAXIMUM_DECODED_BYTES = 8 * 2**30
MAXIMUM_FRAME_BYTES = 2**30
MAXIMUM_FRAMES = 20_000
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")


@dataclass(frozen=True)
class PixelLayout:
    """The Image Pixel module (PS3.3 C.7.6.3) of one Dataset, validated."""

    keyword: str
    rows: int
    columns: int
    frame_count: int
    samples: int
    bits_allocated: int
    bits_stored: int
    low_bit: int
    is_signed: bool
    is_planar: bool
    photometric_interpretation: str
    transfer_syntax: UID

    @property
    def is_compressed(self) -> bool:
        return self.transfer_syntax.is_encapsulated

    @property
    def is_rle(self) -> bool:
        return self.transfer_syntax == RLELossless

    @property
    def is_float(self) -> bool:
        return self.keyword != "PixelData"

    @property
    def frame_bits(self) -> int:
        """Length of one uncompressed frame as the header declares it (PS3.5 section 8)."""
        is_halved = self.photometric_interpretation == "YBR_FULL_422" and not self.is_compressed
        return self.rows * self.columns * (2 if is_halved else self.samples) * self.bits_allocated


def read_layout(dataset: Dataset, *, maximum_decoded_bytes: int = MAXIMUM_DECODED_BYTES) -> PixelLayout:
    """The validated layout. Raises RefusedFile where tags are missing, contradictory or too large."""
    layout = PixelLayout(
        keyword=_pixel_keyword(dataset),
        rows=_positive(dataset, "Rows"),
        columns=_positive(dataset, "Columns"),
        frame_count=_frame_count(dataset),
        samples=_samples(dataset),
        bits_allocated=_bits_allocated(dataset),
        bits_stored=tags.integer(dataset, "BitsStored") or _bits_allocated(dataset),
        low_bit=_low_bit(dataset),
        is_signed=tags.integer(dataset, "PixelRepresentation") == 1,
        is_planar=tags.integer(dataset, "PlanarConfiguration") == 1,
        photometric_interpretation=_photometric_interpretation(dataset),
        transfer_syntax=UID(str(dataset.file_meta.TransferSyntaxUID)),
    )
    _check_consistency(layout)
    _check_size(layout, maximum_decoded_bytes)
    return layout


def _pixel_keyword(dataset: Dataset) -> str:
    found = [keyword for keyword in PIXEL_KEYWORDS if keyword in dataset]
    if len(found) != 1:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The file needs exactly one pixel data element.")
    return found[0]


def _positive(dataset: Dataset, keyword: str) -> int:
    value = tags.integer(dataset, keyword)
    if value is None:
        raise RefusedFile(
            RefusalReason.MISSING_TAG, "The tag %(keyword)s is missing or is not a whole number.", keyword=keyword
        )
    if value <= 0:
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "The tag %(keyword)s is %(value)s; it must be above zero.",
            keyword=keyword,
            value=value,
        )
    return value


def _frame_count(dataset: Dataset) -> int:
    if not tags.texts(dataset, "NumberOfFrames"):
        return 1
    count = tags.integer(dataset, "NumberOfFrames")
    if count is None or count < 0:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The tag NumberOfFrames is not a whole number.")
    if count > MAXIMUM_FRAMES:
        raise RefusedFile(
            RefusalReason.TOO_LARGE,
            "The header declares %(count)s frames; at most %(most)s are taken.",
            count=count,
            most=MAXIMUM_FRAMES,
        )
    return count or 1


def _samples(dataset: Dataset) -> int:
    samples = tags.integer(dataset, "SamplesPerPixel")
    if samples is None:
        samples = 3 if tags.text(dataset, "PhotometricInterpretation") in _COLOUR else 1
    if samples not in (1, 3):
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "The image has %(count)s samples a pixel; 1 and 3 are supported.",
            count=samples,
        )
    return samples


def _bits_allocated(dataset: Dataset) -> int:
    keyword_bits = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
    for keyword, bits in keyword_bits.items():
        if keyword in dataset:
            return bits
    bits = _positive(dataset, "BitsAllocated")
    if bits not in (1, 8, 16, 32):
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "%(count)s bits allocated are not supported; 1, 8, 16 and 32 are.",
            count=bits,
        )
    return bits


def _low_bit(dataset: Dataset) -> int:
    """The lowest bit in use; above 0 only in old objects whose High Bit is not Bits Stored - 1."""
    high, stored = tags.integer(dataset, "HighBit"), tags.integer(dataset, "BitsStored")
    if high is None or stored is None or not stored <= high + 1 <= _bits_allocated(dataset):
        return 0
    return high + 1 - stored


def _photometric_interpretation(dataset: Dataset) -> str:
    found = tags.text(dataset, "PhotometricInterpretation").upper()
    if not found:
        return "RGB" if tags.integer(dataset, "SamplesPerPixel") == 3 else "MONOCHROME2"
    if found not in _GREY + _COLOUR:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The photometric interpretation is none that can be shown.")
    return found


def _check_consistency(layout: PixelLayout) -> None:
    is_colour = layout.photometric_interpretation in _COLOUR
    if is_colour != (layout.samples == 3):
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "%(count)s samples a pixel contradict the photometric interpretation.",
            count=layout.samples,
        )
    if not 1 <= layout.bits_stored <= layout.bits_allocated:
        raise RefusedFile(
            RefusalReason.UNSUPPORTED_PIXELS,
            "%(stored)s bits stored do not fit in %(allocated)s bits allocated.",
            stored=layout.bits_stored,
            allocated=layout.bits_allocated,
        )


def _check_size(layout: PixelLayout, maximum_decoded_bytes: int) -> None:
    frame_bytes = max(layout.frame_bits // 8, 1)
    if frame_bytes > MAXIMUM_FRAME_BYTES or frame_bytes * layout.frame_count > maximum_decoded_bytes:
        raise RefusedFile(
            RefusalReason.TOO_LARGE,
            "The header declares %(count)s frames of %(columns)s x %(rows)s pixels, more than the %(gib)s GiB that are "
            "taken.",
            count=layout.frame_count,
            columns=layout.columns,
            rows=layout.rows,
            gib=f"{maximum_decoded_bytes / 2**30:g}",
        )
