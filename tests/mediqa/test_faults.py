"""Physical parameters in words: what is seen, how much of it, and what is hardly there."""

import pytest

from inference.mediqa.faults import FAULTS, faults_of, unit_of
from inference.mediqa.physics import DEGRADATIONS


def test_every_degradation_is_told_and_nothing_else():
    assert {kind.parameter_name for kind in DEGRADATIONS} == set(FAULTS)


@pytest.mark.parametrize("parameter", FAULTS)
def test_a_severity_is_found_again_from_its_parameter(parameter):
    curve = FAULTS[parameter].curve
    for severity in (0.0, 0.1, 0.4, 1.0):
        assert curve.severity_of(curve.at(severity)) == pytest.approx(severity, abs=1e-9)
    beyond = curve.at(1) + (curve.at(1) - curve.at(0))
    assert curve.severity_of(beyond) == 1


def test_the_most_severe_comes_first_and_what_is_hardly_there_last():
    faults = faults_of({"jpeg_quality": 90.0, "motion_px_of_256": 3.1, "relative_dose": 0.4, "blur_sigma_px": 0.0002})
    assert [one.words for one in faults.seen] == [
        "motion, marked (by 3.1 of 256 pixels)",
        "low dose, slight (40 % of the dose)",
    ]
    assert [round(one.severity, 2) for one in faults.seen] == [0.52, 0.23]
    assert faults.absent == ("compression", "blur")


def test_what_only_older_predictions_have_is_left_out():
    assert faults_of({"slice_thickness_mm": 3.9}) == faults_of({})


def test_words_and_patterns_are_said_in_another_language():
    said = {
        "low dose": "Dosis zu niedrig",
        "severe": "stark",
        "%(value)s of the dose": "%(value)s der Dosis",
        "%(fault)s, %(degree)s (%(measure)s)": "%(fault)s: %(degree)s, %(measure)s",
    }
    (fault,) = faults_of({"relative_dose": 0.03}, said.__getitem__).seen
    assert fault.words == "Dosis zu niedrig: stark, 3.0 % der Dosis"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("blur_sigma_px", "pixels"), ("motion_px_of_256", "pixels of 256"), ("relative_dose", ""), ("slice_mm", "mm"),
        ("line_phase_error_deg", "degrees"), ("kernel_half_mtf_per_cm", "1/cm"), ("exposure_error_stops", "stops"),
        ("spike_share_of_peak", "of the peak"), ("view_share", "of all"),
    ],
)  # fmt: skip
def test_names_of_parameters_end_in_their_unit(name, unit):
    assert unit_of(name) == unit


def test_only_what_is_relative_or_a_number_has_no_unit():
    without = {name for name in FAULTS if not unit_of(name)}
    assert without == {
        "acceleration_factor", "iterations_count", "jpeg_quality", "kernel_edge_gain", "relative_averages",
        "relative_counts", "relative_dose", "scatter_to_primary",
    }  # fmt: skip
