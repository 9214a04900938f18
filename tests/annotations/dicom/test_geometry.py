"""Series to stacks."""

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from annotations.dicom.geometry import Stack, group_slices
from annotations.dicom.slices import SliceHeader, slice_headers
from tests.annotations.dicom.builders import make_dataset, make_header

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def heights(stack: Stack) -> list[float]:
    return [header.position_mm[2] for header in stack.slices if header.position_mm]


def only(stacks: list[Stack]) -> Stack:
    assert len(stacks) == 1
    return stacks[0]


@given(st.randoms())
def test_slices_are_ordered_by_position_whatever_the_order_of_arrival(source: random.Random) -> None:
    headers = [make_header(z, instance_number=source.randint(1, 99)) for z in range(10)]
    source.shuffle(headers)
    stack = only(group_slices(headers))
    assert heights(stack) == list(range(10))
    assert stack.spacing_mm == (1.0, 0.7, 0.7)
    assert (stack.dimension, stack.plane, stack.gaps) == ("3D", "axial", ())
    assert stack.key == only(group_slices(make_header(z) for z in range(10))).key


def test_key_stays_when_slices_are_added_later() -> None:
    first = only(group_slices([make_header(5)]))
    later = only(group_slices(make_header(z) for z in range(10)))
    assert (first.dimension, later.dimension) == ("2D", "3D")
    assert first.key == later.key


def test_keys_of_different_series_differ() -> None:
    stacks = group_slices([make_header(0), make_header(0, series_instance_uid="1.2.4", sop_instance_uid="9")])
    assert len({stack.key for stack in stacks}) == 2


def test_the_same_instance_twice_counts_once() -> None:
    assert len(only(group_slices([make_header(0), make_header(0), make_header(1)])).slices) == 2


def test_missing_slices_are_reported() -> None:
    stack = only(group_slices(make_header(z) for z in (0, 1, 2, 5, 6)))
    assert [(gap.after_index, gap.missing) for gap in stack.gaps] == [(2, 2)]
    assert "missing" in stack.notes[0]


def test_uneven_slices_are_noted() -> None:
    stack = only(group_slices(make_header(z) for z in (0, 1, 2.3, 3.3, 4.3)))
    assert stack.gaps == ()
    assert "unevenly" in stack.notes[0]


def test_gantry_tilt_is_measured_and_the_stack_kept() -> None:
    tilt = math.radians(20)
    orientation = (1.0, 0.0, 0.0, 0.0, math.cos(tilt), math.sin(tilt))
    headers = [make_header(z, orientation=orientation) for z in range(8)]
    stack = only(group_slices(headers))
    assert stack.gantry_tilt_degrees == pytest.approx(20, abs=0.01)
    assert stack.spacing_mm is not None
    assert stack.spacing_mm[0] == pytest.approx(math.cos(tilt))


def test_repeated_acquisitions_are_separate_stacks() -> None:
    headers = [
        make_header(z, acquisition_number=number, sop_instance_uid=f"1.{number}.{z}")
        for number in (1, 2)
        for z in range(4)
    ]
    stacks = group_slices(headers)
    assert [heights(stack) for stack in stacks] == [[0, 1, 2, 3]] * 2
    assert [{one.acquisition_number for one in stack.slices} for stack in stacks] == [{1}, {2}]
    assert only(group_slices(headers[:4])).key == stacks[0].key


def test_an_acquisition_number_for_each_slice_does_not_split_a_stack() -> None:
    assert len(only(group_slices(make_header(z, acquisition_number=z) for z in range(6))).slices) == 6


@pytest.mark.parametrize("field", ["echo", "temporal_position", "b_value"])
def test_echoes_time_points_and_b_values_are_separate_stacks(field: str) -> None:
    headers = [
        make_header(z, modality="MR", sop_instance_uid=f"1.{value}.{z}", **{field: value})
        for value in (1, 2)
        for z in range(4)
    ]
    stacks = group_slices(headers)
    assert [heights(stack) for stack in stacks] == [[0, 1, 2, 3]] * 2
    assert only(group_slices(headers[:4])).key in {stack.key for stack in stacks}


def test_duplicates_that_nothing_tells_apart_are_split_by_order() -> None:
    headers = [
        make_header(z, sop_instance_uid=f"1.{run}.{z}", instance_number=run * 10 + z)
        for run in (1, 2)
        for z in range(3)
    ]
    stacks = group_slices(headers)
    assert [[one.instance_number for one in stack.slices] for stack in stacks] == [[10, 11, 12], [20, 21, 22]]


def test_mixed_orientations_are_separate_stacks() -> None:
    axial = [make_header(z, modality="MR") for z in range(3)]
    sagittal = [
        make_header(0, modality="MR", sop_instance_uid=f"9.{x}", orientation=SAGITTAL, position_mm=(float(x), 0.0, 0.0))
        for x in range(4)
    ]
    found = {stack.plane: len(stack.slices) for stack in group_slices([*axial, *sagittal])}
    assert found == {"axial": 3, "sagittal": 4}


def test_ct_localizer_is_a_2d_image_of_its_own() -> None:
    scout = make_header(3, sop_instance_uid="9", image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))
    stacks = group_slices([*(make_header(z) for z in range(4)), scout])
    assert sorted((stack.dimension, stack.is_localizer) for stack in stacks) == [("2D", True), ("3D", False)]


def test_projections_are_one_image_each() -> None:
    headers = [
        make_header(0, modality="DX", sop_instance_uid=str(index), position_mm=None, orientation=None)
        for index in range(3)
    ]
    assert [stack.dimension for stack in group_slices(headers)] == ["2D"] * 3


def test_slices_without_position_are_ordered_by_slice_location() -> None:
    headers = [make_header(z, position_mm=None, orientation=None, slice_location_mm=float(z)) for z in (3, 1, 2)]
    stack = only(group_slices(headers))
    assert [one.slice_location_mm for one in stack.slices] == [1, 2, 3]
    assert any("SliceLocation" in note for note in stack.notes)


def frames_of(count: int, **fields: object) -> Iterable[SliceHeader]:
    return (
        make_header(0, sop_instance_uid="9", frame_number=number + 1, frame_count=count, volume_uid="9", **fields)
        for number in range(count)
    )


def test_a_cine_loop_is_one_image_with_its_frame_time() -> None:
    stack = only(group_slices(frames_of(5, modality="US", position_mm=None, orientation=None, frame_seconds=0.04)))
    assert (stack.dimension, stack.is_cine, stack.frame_seconds) == ("3D", True, 0.04)
    assert [one.frame_number for one in stack.slices] == [1, 2, 3, 4, 5]


def test_phases_at_one_place_are_a_cine_and_phases_of_many_slices_are_volumes() -> None:
    phases = [make_header(0, modality="MR", sop_instance_uid=str(t), trigger_time_ms=t * 40.0) for t in range(6)]
    stack = only(group_slices(phases))
    assert (stack.is_cine, stack.frame_seconds) == (True, 0.04)
    moving = [
        make_header(z, modality="MR", sop_instance_uid=f"{t}.{z}", trigger_time_ms=t * 40.0)
        for t in range(3)
        for z in range(4)
    ]
    assert [len(stack.slices) for stack in group_slices(moving)] == [4, 4, 4]


def test_enhanced_object_is_ordered_by_the_positions_of_its_frames() -> None:
    dataset = make_enhanced([2.0, 0.0, 1.0])
    stack = only(group_slices(slice_headers(dataset)))
    assert [one.frame_number for one in stack.slices] == [2, 3, 1]
    assert stack.spacing_mm == (1.0, 0.5, 0.5)


def make_enhanced(zs: list[float]) -> Dataset:
    import numpy as np

    dataset = make_dataset(np.zeros((len(zs), 4, 4), np.uint16), Modality="MR")
    shared = Dataset()
    shared.PlaneOrientationSequence = [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.5, 0.5]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for z in zs:
        frame = Dataset()
        frame.PlanePositionSequence = [Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, z]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


@pytest.mark.parametrize("orientation", [[1, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], ["nan"] * 6])
def test_unusable_orientation_is_as_good_as_none(orientation: list[object]) -> None:
    dataset = make_dataset()
    dataset.add_new("ImageOrientationPatient", "LO", [str(one) for one in orientation])
    assert slice_headers(dataset)[0].orientation is None


def test_slice_header_survives_json() -> None:
    import json

    header = make_header(3, echo=2.5)
    assert SliceHeader.from_json(json.loads(json.dumps(header.to_json()))) == header
