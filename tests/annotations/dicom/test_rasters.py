"""PNG, JPEG, TIFF and NIfTI as Datasets."""

import gzip
import zlib
from io import BytesIO
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from annotations.dicom.frames import decode_frames, frame_format, to_modality_units
from annotations.dicom.geometry import group_slices, slice_headers
from annotations.dicom.loading import load_datasets
from annotations.dicom.refusals import RefusalReason, RefusedFile

GREY = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
COLOUR = np.stack([GREY // 256, GREY % 256, GREY % 7], axis=-1).astype(np.uint8)


def picture(values: NDArray[Any], kind: str = "PNG") -> bytes:
    stream = BytesIO()
    Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


def tiff(values: NDArray[Any], **options: Any) -> bytes:
    stream = BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def frames_of(content: bytes) -> list[NDArray[Any]]:
    return [frame for dataset in load_datasets(content) for frame in decode_frames(dataset)]


@pytest.mark.parametrize("values", [GREY, (GREY % 256).astype(np.uint8), COLOUR])
def test_png_keeps_every_value(values: NDArray[Any]) -> None:
    (frame,) = frames_of(picture(values))
    assert frame.dtype == values.dtype
    assert np.array_equal(frame, values)


def test_grey_saved_as_colours_becomes_grey() -> None:
    grey = (GREY % 256).astype(np.uint8)
    (frame,) = frames_of(picture(np.stack([grey] * 3, axis=-1)))
    assert np.array_equal(frame, grey)


def test_jpeg_is_wrapped_as_secondary_capture() -> None:
    (dataset,) = load_datasets(picture(COLOUR, "JPEG"))
    assert dataset.Modality == "OT"
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert (dataset.PatientID, str(dataset.PatientName)) == ("", "")


def test_the_same_bytes_are_the_same_instance() -> None:
    content = picture(GREY)
    uids = {load_datasets(content)[0].SOPInstanceUID for _ in range(2)}
    assert len(uids) == 1
    assert load_datasets(picture(GREY + 1))[0].SOPInstanceUID not in uids
    assert uids.pop().is_valid


def test_tiff_pages_of_one_size_are_one_stack() -> None:
    pages = np.stack([GREY, GREY + 1, GREY + 2])
    (dataset,) = load_datasets(tiff(pages, photometric="minisblack", compression="zlib"))
    assert np.array_equal(list(decode_frames(dataset)), pages)
    (stack,) = group_slices(slice_headers(dataset))
    assert (stack.dimension, len(stack.slices)) == ("3D", 3)


def test_floating_point_and_white_is_zero_tiff() -> None:
    values = np.linspace(-1, 1, 600).reshape(20, 30).astype(np.float32)
    (dataset,) = load_datasets(tiff(values))
    stored_format = frame_format(dataset)
    restored = to_modality_units(next(decode_frames(dataset, stored_format)), stored_format)
    assert np.abs(restored - values).max() < 1e-4
    (inverted,) = frames_of(tiff((GREY % 256).astype(np.uint8), photometric="miniswhite"))
    assert np.array_equal(inverted, 255 - GREY % 256)


def test_nifti_keeps_values_and_geometry() -> None:
    volume = np.random.default_rng(0).integers(-100, 3000, (6, 5, 4)).astype(np.int16)
    affine = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 4.0, -30], [0, 0, 0, 1]])
    (dataset,) = load_datasets(gzip.compress(nibabel.Nifti1Image(volume, affine).to_bytes()))
    frames = list(decode_frames(dataset))
    assert np.array_equal(frames[2], volume[:, :, 2].T)
    (stack,) = group_slices(slice_headers(dataset))
    assert stack.spacing_mm == (4.0, 3.0, 2.0)
    assert stack.plane == "axial"
    assert stack.slices[1].position_mm == (-10.0, -20.0, -26.0)  # RAS to LPS: x and y change their sign


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "ARS", "RSA", "ASR", "PIR"])
def test_nifti_is_shown_as_radiologists_look_at_it(codes: str) -> None:
    """One bright voxel at the patient's left, front and head must come out at the same place in every order."""
    volume = np.zeros((4, 5, 6), np.int16)  # to the right, to the front, to the head: closest canonical is RAS
    volume[0, 4, 5] = 100
    image = nibabel.Nifti1Image(volume, np.diag([1.0, 1.0, 1.0, 1.0]))
    turn = nibabel.orientations.axcodes2ornt(codes)
    (dataset,) = load_datasets(
        image.as_reoriented(
            nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), turn)
        ).to_bytes()
    )
    (stack,) = group_slices(slice_headers(dataset))
    frames = list(decode_frames(dataset))
    (index,) = [number for number, frame in enumerate(frames) if frame.any()]
    row, column = (int(places[0]) for places in np.nonzero(frames[index]))
    last_column = frames[index].shape[1] - 1
    # axial: front is above, left is on the right; coronal: head is above; sagittal: front is on the left
    assert (row, column) == {"axial": (0, last_column), "coronal": (0, last_column), "sagittal": (0, 0)}[stack.plane]
    orientation = stack.slices[0].orientation
    header = next(one for one in stack.slices if one.frame_number == index + 1)
    assert orientation is not None
    assert header.position_mm is not None
    place = np.add(header.position_mm, np.multiply(orientation[:3], column) + np.multiply(orientation[3:], row))
    assert np.allclose(place, (0, -4, 5))  # the voxel's place in LPS is where it was before


def test_nifti_time_points_are_datasets_of_one_series() -> None:
    volume = np.arange(2 * 3 * 4 * 3, dtype=np.float32).reshape(2, 3, 4, 3)
    datasets = load_datasets(nibabel.Nifti1Image(volume, np.eye(4)).to_bytes())
    assert len(datasets) == 3
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == 3
    assert len(group_slices(header for dataset in datasets for header in slice_headers(dataset))) == 3


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds nothing."""
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png_header(60_000, 60_000), RefusalReason.TOO_LARGE),
        (png_header(9_000, 9_000), RefusalReason.TOO_LARGE),
        (png_header(10, 10), RefusalReason.TRUNCATED),
        (picture(COLOUR)[:200], RefusalReason.TRUNCATED),
        (tiff(GREY)[:100], RefusalReason.CORRUPT),
        (gzip.compress(b"no volume" * 100, mtime=0), RefusalReason.NOT_AN_IMAGE_FILE),
        (gzip.compress(bytes(1000), mtime=0)[:20], RefusalReason.TRUNCATED),
        (nibabel.Nifti1Image(np.zeros((9, 9, 9), np.int16), np.eye(4)).to_bytes()[:600], RefusalReason.CORRUPT),
        (nibabel.Nifti1Image(np.zeros((2, 2), np.complex64), np.eye(4)).to_bytes(), RefusalReason.UNSUPPORTED_PIXELS),
    ],
)
def test_damaged_and_oversized_pictures_are_refused(content: bytes, reason: RefusalReason) -> None:
    with pytest.raises(RefusedFile) as caught:
        load_datasets(content)
    assert caught.value.reason == reason


def test_a_gzip_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotations.dicom.rasters.MAXIMUM_RASTER_BYTES", 2**20)
    with pytest.raises(RefusedFile) as caught:
        load_datasets(gzip.compress(bytes(2**22), mtime=0))
    assert caught.value.reason == RefusalReason.ARCHIVE_BOMB


def test_tiff_pages_that_lead_back_to_themselves_are_refused() -> None:
    content = bytearray(tiff((GREY % 256).astype(np.uint8)))
    first = int.from_bytes(content[4:8], "little")
    after = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    content[after : after + 4] = first.to_bytes(4, "little")
    with pytest.raises(RefusedFile) as caught:
        load_datasets(bytes(content))
    assert caught.value.reason == RefusalReason.CORRUPT
