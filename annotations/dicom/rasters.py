"""PNG, JPEG, TIFF and NIfTI as Datasets: Secondary Capture with what is known, and nothing invented.

UIDs come from the sha256 of the content (2.25 form, PS3.5 B.2), so that the same bytes are always the same Instance.
NIfTI volumes carry their geometry in functional groups, in the patient's coordinates of DICOM (NIfTI is RAS, DICOM
is LPS: x and y change their sign).
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import nibabel
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from annotations.dicom.layout import MAXIMUM_FRAMES
from annotations.dicom.refusals import RefusalReason, RefusedFile

MAXIMUM_RASTER_BYTES = 2 * 2**30
MAXIMUM_TIME_POINTS = 1000
MAXIMUM_RATIO = 1000
_HARMLESS_BYTES = 64 * 2**20
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8\xff"
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GZIP_START = b"\x1f\x8b"
_NIFTI_SIZES = {348: (344, (b"n+1\0", b"ni1\0")), 540: (4, (b"n+2\0", b"ni2\0"))}
_SINGLE, _BYTES, _WORDS, _COLOUR = (f"1.2.840.10008.5.1.4.1.1.7{end}" for end in ("", ".2", ".3", ".4"))


def raster_reader(content: bytes) -> "Callable[[bytes], list[Dataset]] | None":
    """The function that reads this kind of content, or None when it is none of these kinds."""
    if content.startswith((_PNG_START, _JPEG_START)):
        return read_picture
    if content.startswith(_TIFF_STARTS):
        return read_tiff
    if content.startswith(_GZIP_START) or _is_nifti(content):
        return read_nifti
    return None


def read_picture(content: bytes) -> list[Dataset]:
    """One PNG or JPEG. Raises RefusedFile."""
    try:
        picture = Image.open(BytesIO(content), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError as error:
        raise RefusedFile(RefusalReason.TOO_LARGE, "The picture unfolds to more than is taken.") from error
    except Exception as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The picture is damaged.") from error
    _check_bytes(picture.width * picture.height * (3 if len(picture.getbands()) > 1 else 2), content)
    try:
        pixels = _picture_pixels(picture)
    except Exception as error:
        raise RefusedFile(RefusalReason.TRUNCATED, "The picture is damaged or cut off.") from error
    return [_wrap(content, [pixels], part="")]


def read_tiff(content: bytes) -> list[Dataset]:
    """The pages of a TIFF: those of one size and type are one multi-frame Dataset. Raises RefusedFile."""
    try:
        with tifffile.TiffFile(BytesIO(content)) as file:
            pages = _tiff_pages(file)
            _check_bytes(sum(page.size * np.dtype(page.dtype).itemsize for page in pages), content)
            frames = [_tiff_pixels(page) for page in pages]
    except RefusedFile:
        raise
    except Exception as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The TIFF file is damaged or of an unknown kind.") from error
    runs: dict[tuple[Any, ...], list[NDArray[Any]]] = {}
    for frame in frames:
        runs.setdefault((frame.shape, frame.dtype.str), []).append(frame)
    return [_wrap(content, run, part=str(index or "")) for index, run in enumerate(runs.values())]


def read_nifti(content: bytes) -> list[Dataset]:
    """A NIfTI-1 or NIfTI-2 volume, gzipped or not; a Dataset for each time point. Raises RefusedFile."""
    plain = _gunzip(content) if content.startswith(_GZIP_START) else content
    if not _is_nifti(plain):
        raise RefusedFile(RefusalReason.NOT_AN_IMAGE_FILE, "The gzipped file holds no NIfTI volume.")
    try:
        image = _nifti_image(plain)
        shape = tuple(int(length) for length in image.shape)
        _check_nifti(shape, image.get_data_dtype(), plain)
        values = np.asanyarray(image.dataobj)
        volumes = values.reshape((*shape[:2], max(shape[2:3] or (1,)), -1)) if values.dtype.names is None else None
        affine = image.affine
    except RefusedFile:
        raise
    except Exception as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The NIfTI file is damaged or cut off.") from error
    if volumes is None:
        return _nifti_colour(content, values, affine)
    volumes, affine = _turned(volumes, affine)
    return [
        _nifti_volume(content, volumes[..., point], affine, point, volumes.shape[-1])
        for point in range(volumes.shape[-1])
    ]


def _is_nifti(content: bytes) -> bool:
    for order in ("<", ">"):
        size = int(np.frombuffer(content[:4], f"{order}i4")[0]) if len(content) >= 348 else 0
        if size in _NIFTI_SIZES:
            offset, marks = _NIFTI_SIZES[size]
            return content[offset : offset + 4] in marks
    return False


def _gunzip(content: bytes) -> bytes:
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(content, MAXIMUM_RASTER_BYTES)
    except zlib.error as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The gzipped file is damaged.") from error
    if inflater.unconsumed_tail:
        raise RefusedFile(RefusalReason.ARCHIVE_BOMB, "The gzipped file unfolds to more than is taken.")
    if not inflater.eof:
        raise RefusedFile(RefusalReason.TRUNCATED, "The gzipped file is cut off.")
    return plain


def _check_bytes(count: int, content: bytes) -> None:
    """`count`: bytes that the pixels of `content` will need."""
    is_bomb = count > _HARMLESS_BYTES and count > MAXIMUM_RATIO * len(content)
    if count > MAXIMUM_RASTER_BYTES or is_bomb:
        raise RefusedFile(RefusalReason.TOO_LARGE, "The picture unfolds to more than is taken from such a file.")


def _check_count(count: int) -> None:
    if count == 0:
        raise RefusedFile(RefusalReason.EMPTY, "The file holds no picture.")
    if count > MAXIMUM_FRAMES:
        raise RefusedFile(
            RefusalReason.TOO_LARGE,
            "The file holds %(count)s pictures; at most %(most)s are taken.",
            count=count,
            most=MAXIMUM_FRAMES,
        )


def _picture_pixels(picture: Image.Image) -> NDArray[Any]:
    if picture.mode in ("L", "I;16", "I;16B", "I", "1"):
        values = np.asarray(picture.convert("L") if picture.mode == "1" else picture)
        return values if values.dtype == np.uint8 else values.astype(np.uint16)
    if picture.mode in ("LA", "La"):
        return np.asarray(picture.getchannel(0))
    return _grey_if_possible(np.asarray(picture.convert("RGB")))


def _grey_if_possible(pixels: NDArray[Any]) -> NDArray[Any]:
    """One channel where all three are equal: a grey picture that was saved as colours."""
    is_grey = np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    return pixels[..., 0] if is_grey else pixels


def _tiff_pages(file: tifffile.TiffFile) -> list[Any]:
    """The pages but for thumbnails. A chain of pages that leads back to itself never ends by itself."""
    pages: list[Any] = []
    seen: set[int] = set()
    for page in file.pages:
        if page.offset in seen or len(seen) > MAXIMUM_FRAMES:
            raise RefusedFile(RefusalReason.CORRUPT, "The pages of the TIFF file have no end.")
        seen.add(page.offset)
        if not getattr(page, "is_reduced", False):
            pages.append(page)
    _check_count(len(pages))
    return pages


def _tiff_pixels(page: Any) -> NDArray[Any]:
    pixels = np.asarray(page.asarray())
    if page.photometric.name == "PALETTE":
        pixels = (np.take(page.colormap, pixels, axis=1) >> 8).astype(np.uint8).transpose(1, 2, 0)
    elif page.photometric.name == "MINISWHITE" and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    if pixels.ndim == 3 and page.planarconfig.name == "SEPARATE" and pixels.shape[0] in (3, 4):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 2):
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[-1] in (3, 4):
        pixels = _grey_if_possible(pixels[..., :3])
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3):
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The TIFF page is neither grey nor RGB.")
    return pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels


def _nifti_image(plain: bytes) -> Any:
    size = int(np.frombuffer(plain[:4], "<i4")[0])
    is_first = 348 in (size, int(np.frombuffer(plain[:4], ">i4")[0]))
    return (nibabel.Nifti1Image if is_first else nibabel.Nifti2Image).from_bytes(plain)


def _check_nifti(shape: Sequence[int], dtype: np.dtype[Any], plain: bytes) -> None:
    if len(shape) < 2 or min(shape) < 1:
        raise RefusedFile(RefusalReason.EMPTY, "The NIfTI file holds no image.")
    points = int(np.prod([int(length) for length in shape[3:]], dtype=object)) if len(shape) > 3 else 1
    if points > MAXIMUM_TIME_POINTS:
        raise RefusedFile(
            RefusalReason.TOO_LARGE,
            "The NIfTI file holds %(count)s time points; at most %(most)s are taken.",
            count=points,
            most=MAXIMUM_TIME_POINTS,
        )
    _check_count(shape[2] if len(shape) > 2 else 1)
    if max(shape[:2]) > 65535:
        raise RefusedFile(RefusalReason.TOO_LARGE, "The slices of the NIfTI file have more than 65535 rows.")
    _check_bytes(int(np.prod([int(length) for length in shape], dtype=object)) * max(dtype.itemsize, 8), plain)


def _nifti_volume(
    content: bytes, volume: NDArray[Any], affine: NDArray[np.float64], point: int, points: int
) -> Dataset:
    """Frame k is volume[:, :, k] transposed: the first axis of the array runs along a row of the picture."""
    if volume.dtype.kind not in "fiu":
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The NIfTI file holds numbers of an unsupported kind.")
    frames = [np.ascontiguousarray(volume[:, :, index].T) for index in range(volume.shape[2])]
    dataset = _wrap(content, _plain_numbers(frames), part=str(point or ""), series_part="")
    if points > 1:
        dataset.TemporalPositionIdentifier = point + 1
        dataset.InstanceNumber = point + 1
    _add_geometry(dataset, affine, len(frames))
    return dataset


def _turned(volume: NDArray[Any], affine: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The slices as radiologists look at them, with the affine that belongs to it; no value changes.

    On the screen, left to right is towards the patient's left (axial, coronal) or back (sagittal), and downwards is
    towards the back (axial) or the feet. The stored order of NIfTI would show the nose below.
    """
    directions = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)[:3, :3]
    if not np.all(np.isfinite(directions)):
        return volume, affine
    nearest = [int(axis) for axis in np.abs(directions).argmax(axis=0)]
    affine = affine.copy()
    if nearest[0] > nearest[1]:
        volume, affine, nearest = np.swapaxes(volume, 0, 1), affine[:, [1, 0, 2, 3]], [nearest[1], nearest[0]]
        directions = directions[:, [1, 0, 2]]
    for axis in (0, 1):
        towards_feet = -1 if nearest[axis] == 2 else 1
        if directions[nearest[axis], axis] * towards_feet < 0:
            volume = np.flip(volume, axis)
            affine[:, 3] += affine[:, axis] * (volume.shape[axis] - 1)
            affine[:, axis] *= -1
    return volume, affine


def _nifti_colour(content: bytes, values: NDArray[Any], affine: NDArray[np.float64]) -> list[Dataset]:
    if values.dtype.names is None or not {"R", "G", "B"} <= set(values.dtype.names) or values.ndim > 3:
        raise RefusedFile(RefusalReason.UNSUPPORTED_PIXELS, "The NIfTI file holds numbers of an unsupported kind.")
    volume = np.stack([values[name] for name in "RGB"], axis=-1).reshape(*values.shape[:2], -1, 3)
    volume, affine = _turned(volume, affine)
    frames = [np.ascontiguousarray(volume[:, :, index].transpose(1, 0, 2)) for index in range(volume.shape[2])]
    dataset = _wrap(content, frames, part="")
    _add_geometry(dataset, affine, len(frames))
    return [dataset]


def _plain_numbers(frames: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Whole numbers keep their type up to 32 bits; everything else becomes float32 or float64."""
    dtype = frames[0].dtype
    if dtype.kind in "iu" and dtype.itemsize <= 4:
        return [frame.astype(dtype.newbyteorder("=")) for frame in frames]
    wide = np.float32 if dtype.itemsize <= 4 and dtype.kind == "f" else np.float64
    return [frame.astype(wide) for frame in frames]


def _add_geometry(dataset: Dataset, affine: NDArray[np.float64], count: int) -> None:
    """Voxel to patient: columns run along the first axis of the array, rows along the second."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.all(np.isfinite(affine)) or min(sizes) <= 0:
        return
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    dataset.SharedFunctionalGroupsSequence = [_shared_groups(to_lps, sizes)]
    dataset.PerFrameFunctionalGroupsSequence = [
        _nested("PlanePositionSequence", ImagePositionPatient=_decimals(to_lps @ [0, 0, index, 1])[:3])
        for index in range(count)
    ]


def _shared_groups(to_lps: NDArray[np.float64], sizes: NDArray[np.float64]) -> Dataset:
    row, column = to_lps[:3, 0] / sizes[0], to_lps[:3, 1] / sizes[1]
    shared = _nested("PlaneOrientationSequence", ImageOrientationPatient=_decimals([*row, *column]))
    measures = _nested(
        "PixelMeasuresSequence",
        PixelSpacing=_decimals([sizes[1], sizes[0]]),
        SliceThickness=_decimals([sizes[2]])[0],
    )
    shared.PixelMeasuresSequence = measures.PixelMeasuresSequence
    return shared


def _nested(macro: str, **values: Any) -> Dataset:
    inner, outer = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(inner, keyword, value)
    setattr(outer, macro, [inner])
    return outer


def _decimals(values: Any) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 6.2)."""
    return [f"{float(value) + 0.0:.9g}" for value in values]


def content_uid(content_sha256: bytes, *words: str) -> str:
    """A UID in the 2.25 form from a content's sha256 and some words."""
    digest = hashlib.sha256(content_sha256 + "\0".join(words).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _wrap(content: bytes, frames: Sequence[NDArray[Any]], *, part: str, series_part: str | None = None) -> Dataset:
    """`frames`, all of one shape and type, as a Secondary Capture Dataset."""
    first = frames[0]
    if max(first.shape[:2]) > 65535:
        raise RefusedFile(RefusalReason.TOO_LARGE, "The picture has more than 65535 rows or columns.")
    digest = hashlib.sha256(content).digest()
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = _sop_class(first, len(frames))
    dataset.SOPInstanceUID = content_uid(digest, "instance", part)
    dataset.StudyInstanceUID = content_uid(digest, "study")
    dataset.SeriesInstanceUID = content_uid(digest, "series", part if series_part is None else series_part)
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"
    dataset.PatientID = dataset.PatientName = ""
    dataset.InstanceNumber = 1
    _add_pixels(dataset, frames)
    return dataset


def _sop_class(first: NDArray[Any], count: int) -> str:
    if count == 1:
        return _SINGLE
    if first.ndim == 3:
        return _COLOUR
    return _BYTES if first.dtype.itemsize == 1 else _WORDS


def _add_pixels(dataset: Dataset, frames: Sequence[NDArray[Any]]) -> None:
    first = frames[0]
    dataset.Rows, dataset.Columns = first.shape[:2]
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel = 3 if first.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if first.ndim == 3 else "MONOCHROME2"
    pixels = b"".join(np.ascontiguousarray(frame).astype(first.dtype.newbyteorder("<")).tobytes() for frame in frames)
    pixels += b"\0" * (len(pixels) % 2)
    if first.dtype.kind == "f":
        setattr(dataset, "FloatPixelData" if first.dtype.itemsize == 4 else "DoubleFloatPixelData", pixels)
        return
    if first.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = first.dtype.itemsize * 8
    dataset.HighBit = first.dtype.itemsize * 8 - 1
    dataset.PixelRepresentation = int(first.dtype.kind == "i")
    dataset.PixelData = pixels
