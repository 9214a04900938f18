"""Physical parameters: typed, or None."""

from dataclasses import fields

import pytest
from pydicom import Dataset

from annotations.dicom.loading import load_datasets
from annotations.dicom.physical import PhysicalParameters, extract_physical_parameters
from tests.annotations.dicom.builders import PYDICOM_FILES, make_dataset


def test_ct_parameters_are_read() -> None:
    (dataset,) = load_datasets((PYDICOM_FILES / "CT_small.dcm").read_bytes())
    found = extract_physical_parameters(dataset)  # values: dcmdump of CT_small.dcm
    assert (found.tube_voltage_kv, found.tube_current_ma, found.exposure_time_ms) == (120, 170, 1601)
    assert found.slice_thickness_mm == 5
    assert found.row_spacing_mm == found.column_spacing_mm == pytest.approx(0.661468)
    assert found.convolution_kernel == "STANDARD"
    assert found.field_strength_t is None


def test_mr_parameters_are_read() -> None:
    (dataset,) = load_datasets((PYDICOM_FILES / "MR_small.dcm").read_bytes())
    found = extract_physical_parameters(dataset)  # values: dcmdump of MR_small.dcm
    assert (found.echo_time_ms, found.repetition_time_ms, found.flip_angle_deg) == (240, 4000, 90)
    assert found.averages == 1


def test_enhanced_parameters_are_read_from_functional_groups() -> None:
    dataset, shared, timing, echo = make_dataset(Modality="MR"), Dataset(), Dataset(), Dataset()
    timing.RepetitionTime, timing.FlipAngle, echo.EffectiveEchoTime = 2000, 90, 30
    shared.MRTimingAndRelatedParametersSequence = [timing]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frame = Dataset()
    frame.MREchoSequence = [echo]
    dataset.PerFrameFunctionalGroupsSequence = [frame]
    found = extract_physical_parameters(dataset)
    assert (found.repetition_time_ms, found.flip_angle_deg, found.echo_time_ms) == (2000, 90, 30)


@pytest.mark.parametrize("value", ["abc", "", ["1", "2"], "nan", "1e999"])
def test_bad_values_are_none_and_never_raise(value: object) -> None:
    dataset = make_dataset()
    for keyword in ("KVP", "EchoTime", "SliceThickness", "Exposure", "PixelSpacing", "TransducerFrequency"):
        dataset.add_new(keyword, "LO", value)
    found = extract_physical_parameters(dataset)
    assert (found.tube_voltage_kv, found.echo_time_ms, found.slice_thickness_mm, found.exposure_mas) == (None,) * 4


def test_every_field_is_a_number_or_a_word() -> None:
    found = extract_physical_parameters(make_dataset())
    for one in fields(PhysicalParameters):
        assert getattr(found, one.name) in (None, "")
