"""Decoding against pydicom's own decoders, and lossless storing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels

from annotations.dicom.frames import (
    FrameFormat,
    decode_frames,
    decode_stored,
    encode_frame,
    frame_format,
    to_modality_units,
)
from annotations.dicom.loading import load_datasets
from annotations.dicom.refusals import RefusalReason, RefusedFile
from tests.annotations.dicom.builders import (
    DATA_STORE_FILES,
    PYDICOM_FILES,
    make_dataset,
    real_files,
    set_pixels,
    to_bytes,
)


def find(name: str) -> Path:
    return next(folder / name for folder in (PYDICOM_FILES, DATA_STORE_FILES) if (folder / name).exists())


def decoded(name: str) -> list[NDArray[np.generic]]:
    (dataset,) = load_datasets(find(name).read_bytes())
    return list(decode_frames(dataset))


def accepted_files() -> list[Path]:
    """One file of each name that is taken; the large ones only where they are the only ones of their kind."""
    names = []
    for path in real_files():
        if path.suffix != ".dcm" or path.stat().st_size > 2_500_000:
            continue
        try:
            next(decode_frames(*load_datasets(path.read_bytes())))
        except RefusedFile:
            continue
        names.append(path)
    return names


def test_every_real_file_survives_storing_and_agrees_with_pydicom() -> None:
    compared = 0
    for path in accepted_files():
        (dataset,) = load_datasets(path.read_bytes())
        stored_format = frame_format(dataset)
        reference = [] if "ModalityLUTSequence" in dataset else reference_frames(dataset)
        for index, frame in enumerate(decode_frames(dataset, stored_format)):
            if index > 1:
                break
            assert np.array_equal(decode_stored(encode_frame(frame)), frame), path.name
            if reference and dataset.PhotometricInterpretation.startswith(("MONO", "RGB")):
                compared += reference[index].dtype.itemsize <= 2
                assert agrees(frame, reference[index]), path.name
    assert compared > 60  # 78 and 64 files are taken of the two packages


def reference_frames(dataset: pydicom.Dataset) -> list[NDArray[np.generic]]:
    try:
        return [frame for frame, _ in zip(iter_pixels(dataset), range(2), strict=False)]
    except (RuntimeError, ValueError, NotImplementedError):
        return []  # 12-bit JPEG, HTJ2K: pydicom has no decoder for them


def agrees(frame: NDArray[np.generic], reference: NDArray[np.generic]) -> bool:
    if frame.ndim == 3 and reference.dtype.itemsize > 1:
        return np.array_equal(frame, (reference >> (8 * (reference.dtype.itemsize - 1))).astype(np.uint8))
    return np.array_equal(frame.astype(np.int64), reference.astype(np.int64))


def test_twelve_bit_lossy_jpeg_is_decoded() -> None:
    (frame,) = decoded("JPGExtended.dcm")
    assert frame.dtype == np.uint16
    assert (int(frame.min()), int(frame.max())) == (0, 264)  # as dcmtk's dcmdjpeg decodes it


def test_jpeg_2000_whose_sign_differs_from_the_header_is_reinterpreted() -> None:
    (frame,) = decoded("J2K_pixelrep_mismatch.dcm")
    assert int(frame.min()) == -2000  # documented in pydicom's list of test files


@pytest.mark.parametrize("name", ["SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_jpeg_gdcm.dcm"])
def test_colours_are_rgb_whatever_was_stored(name: str) -> None:
    (frame,) = decoded(name)
    assert np.abs(frame[5, 50].astype(int) - (255, 0, 0)).max() <= 2  # the picture starts with a red bar


def test_ybr_422_and_palette_become_rgb() -> None:
    (plain,) = decoded("SC_ybr_full_422_uncompressed.dcm")
    assert np.abs(plain[5, 50].astype(int) - (255, 0, 0)).max() <= 2
    (palette,) = decoded("OT-PAL-8-face.dcm")
    assert palette.shape == (480, 640, 3)
    assert palette.dtype == np.uint8


def palette_of(colours: list[int]) -> dict[str, object]:
    """The same grey values, of 16 bits, as red, green and blue."""
    data = np.asarray(colours, np.uint16).tobytes()
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    tables = {f"{name}Data": data for name in names}
    return (
        {"PhotometricInterpretation": "PALETTE COLOR"}
        | tables
        | {f"{name}Descriptor": [len(colours), 0, 16] for name in names}
    )


@pytest.mark.parametrize(
    ("colours", "first", "second"),
    [([0, 200, 40_000, 65_535], [0, 0], [156, 255]), ([0, 200, 240, 255], [0, 200], [240, 255])],
)
def test_palette_of_16_bits_has_the_same_colours_in_every_frame(
    colours: list[int], first: list[int], second: list[int]
) -> None:
    frames = np.asarray([[[0, 1]], [[2, 3]]], np.uint8)
    dataset = make_dataset(frames, Modality="US", **palette_of(colours))
    shown = [frame[0, :, 0].tolist() for frame in decode_frames(dataset, frame_format(dataset))]
    assert shown == [first, second]


def test_planar_and_interleaved_colours_are_the_same() -> None:
    planar, interleaved = decoded("color-pl.dcm")[0], decoded("color-px.dcm")[0]
    assert planar.shape == interleaved.shape
    assert not np.array_equal(planar[..., 0], planar[..., 1])


@given(
    frame=st.sampled_from([np.uint8, np.uint16, np.int16]).flatmap(
        lambda dtype: arrays(dtype, st.tuples(st.integers(1, 40), st.integers(1, 40)))
    )
)
@settings(max_examples=60, deadline=None)
def test_storing_grey_frames_loses_nothing(frame: NDArray[np.generic]) -> None:
    stored = decode_stored(encode_frame(frame))
    assert stored.dtype == frame.dtype
    assert np.array_equal(stored, frame)


@given(frame=arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3))))
@settings(max_examples=30, deadline=None)
def test_storing_colours_loses_nothing(frame: NDArray[np.uint8]) -> None:
    assert np.array_equal(decode_stored(encode_frame(frame)), frame)


def test_stored_frames_are_raw_codestreams_in_rpcl_order_with_tile_lengths() -> None:
    content = encode_frame(np.zeros((64, 64), np.int16))
    assert content.startswith(b"\xff\x4f\xff\x51")  # SOC, SIZ: no file boxes around it
    coding_style = content.index(b"\xff\x52")
    assert content[coding_style + 5] == 2  # RPCL, ISO/IEC 15444-1 table A.16
    assert content[coding_style + 13] == 1  # reversible 5/3 wavelet, table A.20
    assert b"\xff\x55" in content  # TLM
    assert content[42] == 0x80 | 15  # signed, 16 bits


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_encode_frame_refuses_other_arrays(frame: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        encode_frame(frame)


def test_decode_stored_refuses_damaged_bytes() -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode_stored(b"\xff\x4f\xff\x51nothing")


def test_unused_high_bits_are_ignored() -> None:
    values = np.array([[0x0FFF, 0xF001], [0x8000, 0x0800]], np.uint16)  # overlay bits above 12
    dataset = make_dataset(values, BitsStored=12, HighBit=11)
    assert next(decode_frames(dataset)).tolist() == [[4095, 1], [0, 2048]]


def test_sign_is_extended_from_the_stored_bits() -> None:
    dataset = make_dataset(np.array([[0x0FFF, 0x0800]], np.uint16), BitsStored=12, HighBit=11, PixelRepresentation=1)
    assert next(decode_frames(dataset)).tolist() == [[-1, -2048]]


def test_signed_bytes_are_stored_with_16_bits() -> None:
    dataset = make_dataset(np.array([[-3, 4]], np.int8))
    frame = next(decode_frames(dataset))
    assert (frame.dtype, frame.tolist()) == (np.int16, [[-3, 4]])


@pytest.mark.parametrize("low", [-70_000, 0, 3_000_000])
def test_32_bit_values_in_a_narrow_range_lose_nothing(low: int) -> None:
    values = np.array([[low, low + 1], [low + 40_000, low + 65_535]], np.int32)
    dataset = make_dataset(values, RescaleSlope="2", RescaleIntercept="-5")
    stored_format = frame_format(dataset)
    frame = next(decode_frames(dataset, stored_format))
    assert np.array_equal(to_modality_units(frame, stored_format), (values * 2.0 - 5).astype(np.float32))
    assert stored_format.notes == ()


@pytest.mark.parametrize("rescale", [(1.0, -1024.0), (0.37, -12.5), (300.0, 0.0), (1.0, 3e9)])
def test_modality_units_are_those_of_float64_rounded_once(rescale: tuple[float, float]) -> None:
    values = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    stored_format = replace(frame_format(make_dataset(values)), slope=rescale[0], intercept=rescale[1])
    expected = (values.astype(np.float64) * rescale[0] + rescale[1]).astype(np.float32)
    assert np.array_equal(to_modality_units(values, stored_format), expected)


def test_floating_point_values_are_kept_to_the_stated_step() -> None:
    values = np.random.default_rng(0).normal(0, 1, (20, 20)).astype(np.float32)
    dataset = make_dataset(PixelData=None, FloatPixelData=values.tobytes(), Rows=20, Columns=20)
    stored_format = frame_format(dataset)
    restored = to_modality_units(next(decode_frames(dataset, stored_format)), stored_format)
    assert np.abs(restored - values).max() <= stored_format.step
    assert "65535 steps" in stored_format.notes[0]


def test_floating_point_values_with_absurd_extremes_are_refused() -> None:
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, 0] = 1e30
    dataset = make_dataset(PixelData=None, FloatPixelData=values.tobytes(), Rows=100, Columns=100)
    with pytest.raises(RefusedFile) as caught:
        frame_format(dataset)
    assert caught.value.reason == RefusalReason.UNSUPPORTED_PIXELS


def test_modality_table_is_applied_before_storing() -> None:
    dataset = make_dataset(np.array([[0, 1], [2, 9]], np.uint16))
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [3, 0, 16], [10, 20, 500], "HU"
    dataset.ModalityLUTSequence = [table]
    stored_format = frame_format(dataset)
    assert next(decode_frames(dataset, stored_format)).tolist() == [[10, 20], [500, 500]]
    assert stored_format.unit == "HU"


def test_rescale_by_frame_is_kept() -> None:
    dataset = make_dataset(np.zeros((2, 4, 4), np.uint16))
    dataset.PerFrameFunctionalGroupsSequence = [rescale_group(1.5), rescale_group(2.5)]
    stored_format = frame_format(dataset)
    assert [stored_format.rescale(index) for index in (0, 1)] == [(1.5, -1.0), (2.5, -1.0)]
    assert FrameFormat.from_json(stored_format.to_json()) == stored_format


def rescale_group(slope: float) -> pydicom.Dataset:
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.RescaleSlope, inner.RescaleIntercept, inner.RescaleType = slope, -1, "US"
    outer.PixelValueTransformationSequence = [inner]
    return outer


def test_bit_masks_are_unpacked() -> None:
    dataset = make_dataset(np.zeros((3, 3), np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    dataset.PixelData = bytes([0b00000101, 0b1])
    assert next(decode_frames(dataset)).tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_a_codestream_of_another_size_is_refused_before_decoding() -> None:
    dataset = pydicom.dcmread(find("JPEG2000.dcm"))
    dataset.Rows = 2048
    (loaded,) = load_datasets(to_bytes(dataset))
    with pytest.raises(RefusedFile) as caught:
        list(decode_frames(loaded))
    assert caught.value.reason == RefusalReason.WRONG_LENGTH


def test_a_wrong_transfer_syntax_does_not_matter_to_the_decoder() -> None:
    dataset = pydicom.dcmread(find("JPEG2000.dcm"))
    expected = next(decode_frames(dataset))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    assert np.array_equal(next(decode_frames(dataset)), expected)


def test_missing_compressed_frames_are_refused() -> None:
    dataset = pydicom.dcmread(find("MR_small_RLE.dcm"))
    dataset.NumberOfFrames = 4
    with pytest.raises(RefusedFile):
        list(decode_frames(dataset))


def test_set_pixels_of_two_frames_gives_two_frames() -> None:
    dataset = make_dataset()
    set_pixels(dataset, np.arange(32, dtype=np.int16).reshape(2, 4, 4))
    assert [frame[0, 0] for frame in decode_frames(dataset)] == [0, 16]
