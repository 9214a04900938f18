"""Overlay planes: whose bits, where, and on which frames."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from annotations.dicom.loading import load_datasets
from annotations.dicom.overlays import MAXIMUM_BYTES, read_overlays
from tests.annotations.dicom.builders import make_dataset, packed_bits, with_overlay

RANDOM = np.random.default_rng(7)


def drawn_on(dataset: Dataset, frame: int = 0, kind: str = "G") -> NDArray[np.bool_]:
    """All that lies over a frame, as a mask of the image."""
    overlays = json.loads(json.dumps(read_overlays(dataset)))
    mask = np.zeros((dataset.Rows, dataset.Columns), np.bool_)
    for place in overlays["frames"][frame] if overlays else []:
        picture = overlays["pictures"][place]
        if picture["kind"] == kind:
            height, width = picture["height"], picture["width"]
            bits = np.frombuffer(zlib.decompress(base64.b64decode(picture["bits"])), np.uint8)
            part = np.unpackbits(bits, bitorder="little")[: height * width].reshape(height, width)
            assert part.any(axis=0)[[0, -1]].all()  # no more than what is drawn
            assert part.any(axis=1)[[0, -1]].all()
            mask[picture["top"] : picture["top"] + height, picture["left"] : picture["left"] + width] |= part == 1
    return mask


def random_mask(rows: int = 8, columns: int = 8) -> NDArray[np.bool_]:
    return RANDOM.random((rows, columns)) < 0.4


def frames(count: int) -> Dataset:
    return make_dataset(np.zeros((count, 8, 8), np.uint16))


def test_first_pixel_is_in_the_lowest_bit() -> None:
    dataset = with_overlay(make_dataset(), bytes([0b00000101, 0b10000000, 0, 0, 0, 0, 0, 0]))
    assert np.argwhere(drawn_on(dataset)).tolist() == [[0, 0], [0, 2], [1, 7]]


def test_rows_follow_each_other_without_a_gap() -> None:
    mask = random_mask(5, 7)
    dataset = with_overlay(make_dataset(), packed_bits(mask), shape=(5, 7))
    assert np.array_equal(drawn_on(dataset)[:5, :7], mask)


@pytest.mark.parametrize("origin", [(1, 1), (3, 2), (-2, 0), (7, 8)])
def test_origin_is_row_and_column_from_one_and_what_lies_outside_is_cut(origin: tuple[int, int]) -> None:
    mask = np.ones((5, 7), np.bool_)
    dataset = with_overlay(make_dataset(), packed_bits(mask), shape=(5, 7), origin=list(origin))
    rows, columns = np.mgrid[1:9, 1:9]
    inside = (rows >= origin[0]) & (rows < origin[0] + 5) & (columns >= origin[1]) & (columns < origin[1] + 7)
    assert np.array_equal(drawn_on(dataset), inside)


def test_plane_beside_the_image_is_not_sent() -> None:
    assert read_overlays(with_overlay(make_dataset(), b"\xff" * 8, origin=[9, 1])) == {}


def test_groups_of_both_types_and_no_others() -> None:
    one, other = random_mask(), random_mask()
    dataset = with_overlay(make_dataset(), packed_bits(one), group=0x6002)
    with_overlay(dataset, packed_bits(other), group=0x601E, kind="R")
    with_overlay(dataset, b"\xff" * 8, group=0x6020)
    with_overlay(dataset, b"\xff" * 8, group=0x6004, kind="X")
    assert np.array_equal(drawn_on(dataset), one)
    assert np.array_equal(drawn_on(dataset, kind="R"), other)
    assert len(read_overlays(dataset)["pictures"]) == 2


def test_single_plane_lies_over_every_frame() -> None:
    mask = random_mask()
    dataset = with_overlay(frames(3), packed_bits(mask))
    assert all(np.array_equal(drawn_on(dataset, frame), mask) for frame in range(3))
    assert len(read_overlays(dataset)["pictures"]) == 1


def test_frames_of_a_plane_begin_at_its_first_frame() -> None:
    masks = [random_mask(), random_mask()]
    dataset = with_overlay(frames(4), packed_bits(*masks), frames=2, first=2)
    assert [bool(drawn_on(dataset, frame).any()) for frame in range(4)] == [False, True, True, False]
    assert all(np.array_equal(drawn_on(dataset, frame + 1), mask) for frame, mask in enumerate(masks))
    single = with_overlay(frames(3), packed_bits(masks[0]), first=3)
    assert [bool(drawn_on(single, frame).any()) for frame in range(3)] == [False, False, True]


def test_frames_that_do_not_fill_bytes_follow_without_a_gap() -> None:
    masks = [random_mask(3, 5), random_mask(3, 5)]
    dataset = with_overlay(frames(2), packed_bits(*masks), shape=(3, 5), frames=2)
    assert all(np.array_equal(drawn_on(dataset, frame)[:3, :5], mask) for frame, mask in enumerate(masks))


def test_words_of_big_endian_files_are_turned() -> None:
    mask = random_mask()
    dataset = with_overlay(make_dataset(), np.frombuffer(packed_bits(mask), ">u2").astype("<u2").tobytes())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert np.array_equal(drawn_on(dataset), mask)


def test_bits_that_the_pixels_do_not_use() -> None:
    masks = [random_mask(), random_mask()]
    values = RANDOM.integers(0, 4096, (2, 8, 8), dtype=np.uint16)
    for frame, mask in enumerate(masks):
        values[frame] |= mask.astype(np.uint16) << 13
    dataset = make_dataset(values, BitsStored=12, HighBit=11)
    dataset.add_new((0x6000, 0x0040), "CS", "R")
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x0100), "US", 16)
    dataset.add_new((0x6000, 0x0102), "US", 13)
    assert all(np.array_equal(drawn_on(dataset, frame, "R"), mask) for frame, mask in enumerate(masks))
    dataset.compress(RLELossless)
    assert all(np.array_equal(drawn_on(dataset, frame, "R"), mask) for frame, mask in enumerate(masks))


def test_bit_of_the_pixels_themselves_is_no_overlay() -> None:
    dataset = make_dataset(np.full((8, 8), 0xFFFF, np.uint16), BitsStored=12, HighBit=11)
    for position in (0, 11, 16, -1):
        dataset.add_new((0x6000, 0x0102), "US", position)
        assert read_overlays(dataset) == {}


@pytest.mark.parametrize("name", ["MR-SIEMENS-DICOM-WithOverlays.dcm", "examples_overlay.dcm"])
def test_real_file_has_what_pydicom_reads(name: str) -> None:
    (dataset,) = load_datasets(Path(str(get_testdata_file(name))).read_bytes())
    expected = dataset.overlay_array(0x6000) == 1
    assert expected.any()
    assert np.array_equal(drawn_on(dataset), expected)
    assert len(json.dumps(read_overlays(dataset))) < len(dataset[0x6000, 0x3000].value) / 4


def test_damaged_planes_are_as_good_as_none() -> None:
    for content, elements in (
        (b"\xff" * 6, {}),
        (b"\xff" * 8, {"shape": (0, 8)}),
        (b"", {}),
        (b"\xff" * 8, {"kind": ""}),
        (b"\xff" * 8, {"origin": [1]}),
    ):
        dataset = with_overlay(make_dataset(), content, **elements)
        found = read_overlays(dataset)
        assert found == {} or found["pictures"][0]["height"] == 8
    cut = with_overlay(frames(3), b"\xff" * 16, frames=3)
    assert [bool(drawn_on(cut, frame).any()) for frame in range(3)] == [True, True, False]


def test_more_than_can_be_sent_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = with_overlay(make_dataset(), packed_bits(random_mask()))
    assert read_overlays(dataset)
    assert MAXIMUM_BYTES > 2**20
    monkeypatch.setattr("annotations.dicom.overlays.MAXIMUM_BYTES", 10)
    assert read_overlays(dataset) == {}


def test_what_is_written_about_a_plane_is_not_sent() -> None:
    dataset = with_overlay(make_dataset(), packed_bits(random_mask()))
    dataset.add_new((0x6000, 0x0022), "LO", "SECRET^NAME")
    dataset.add_new((0x6000, 0x1500), "LO", "SECRET-ID")
    assert "SECRET" not in json.dumps(read_overlays(dataset))
