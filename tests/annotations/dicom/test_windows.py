"""The first window, the others, and inversion."""

import json
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from annotations.dicom.frames import decode_frames, frame_format
from annotations.dicom.windows import Display, Window, apply_window, display_settings
from tests.annotations.dicom.builders import make_dataset

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
CT = {"RescaleIntercept": "-1024", "RescaleSlope": "1"}


def display_of(dataset: Dataset) -> Display:
    stored_format = frame_format(dataset)
    return display_settings(dataset, stored_format, list(decode_frames(dataset, stored_format)))


def first(dataset: Dataset) -> tuple[float, float]:
    window = display_of(dataset).windows[0]
    return window.center, window.width


def test_header_windows_come_first_with_their_names() -> None:
    dataset = make_dataset(RAMP, WindowCenter=[40, 400], WindowWidth=[350, 1500], **CT)
    dataset.WindowCenterWidthExplanation = ["ABDOMEN", "BONE"]
    windows = display_of(dataset).windows
    assert windows[:2] == (Window("ABDOMEN", 40, 350), Window("BONE", 400, 1500))
    assert {"Soft tissue", "Lung", "Bone", "Brain", "Liver"} <= {window.name for window in windows}


@pytest.mark.parametrize(("region", "expected"), [("HEAD", (40, 80)), ("LUNG", (-600, 1500)), ("", (40, 400))])
def test_ct_without_a_header_window_starts_by_region(region: str, expected: tuple[float, float]) -> None:
    assert first(make_dataset(RAMP, BodyPartExamined=region, **CT)) == expected


def test_a_header_window_that_shows_nothing_is_offered_last() -> None:
    display = display_of(make_dataset(RAMP, Modality="MR", WindowCenter=50_000, WindowWidth=10))
    assert display.windows[0].name == "Automatic"
    assert display.windows[-1].center == 50_000
    assert display.notes


@pytest.mark.parametrize("elements", [{"WindowCenter": "x"}, {"WindowCenter": [1, 2], "WindowWidth": 0}, {}])
def test_unusable_header_windows_are_passed_over(elements: dict[str, Any]) -> None:
    dataset = make_dataset(RAMP, Modality="MR")
    for keyword, value in elements.items():
        dataset.add_new(keyword, "LO", value)
    assert display_of(dataset).windows[0].name == "Automatic"


def test_padding_is_left_out_of_the_measured_window() -> None:
    values = np.full((64, 64), 60_000, np.uint16)
    values[20:40, 20:40] = np.arange(400, dtype=np.uint16).reshape(20, 20)
    center, width = first(make_dataset(values, Modality="DX", PixelPaddingValue=60_000))
    assert 150 < center < 250
    assert width < 450


def test_padding_range_and_signed_padding_are_understood() -> None:
    values = np.full((64, 64), -2000, np.int16)
    values[:8] = -1500
    values[20:40, 20:40] = 100 + np.arange(400, dtype=np.int16).reshape(20, 20)
    dataset = make_dataset(values, Modality="DX", PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1500)
    assert 250 < first(dataset)[0] < 350


def test_padding_is_told_before_a_modality_table() -> None:
    """A padding of 400 becomes 60,000, and 1,000 becomes 400, which is no padding."""
    table = Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [1001, 0, 16], [60_000] * 1001, "US"
    table.LUTData[:400], table.LUTData[1000] = list(range(1000, 1400)), 400
    values = np.full((64, 64), 400, np.uint16)
    values[20:40, 20:40] = np.arange(400, dtype=np.uint16).reshape(20, 20)
    dataset = make_dataset(values, Modality="DX", PixelPaddingValue=400, ModalityLUTSequence=[table])
    assert first(dataset)[0] == pytest.approx(1200, abs=5)
    values[50:] = 1000
    dataset = make_dataset(values, Modality="DX", PixelPaddingValue=400, ModalityLUTSequence=[table])
    assert display_of(dataset).windows[-1] == Window("Full range", 899.5, 999, "LINEAR_EXACT")


def test_padding_is_told_before_wide_values_are_narrowed() -> None:
    values = np.full((64, 64), -2000, np.int32)
    values[20:40, 20:40] = 100 + np.arange(400, dtype=np.int32).reshape(20, 20)
    assert 250 < first(make_dataset(values, Modality="DX", PixelPaddingValue=-2000))[0] < 350


def test_monochrome1_and_inverse_presentation_are_inverted() -> None:
    assert display_of(make_dataset(RAMP, PhotometricInterpretation="MONOCHROME1", Modality="CR")).is_inverted
    assert display_of(make_dataset(RAMP, PresentationLUTShape="INVERSE", Modality="CR")).is_inverted
    assert not display_of(make_dataset(RAMP, Modality="CR")).is_inverted


def test_voi_table_is_shown_first_as_what_it_is() -> None:
    dataset = make_dataset(RAMP, Modality="DX")
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [1001, 1000, 12], "NORMAL"
    table.LUTData = np.linspace(0, 4095, 1001).astype(int).tolist()
    dataset.VOILUTSequence = [table]
    display = display_of(dataset)
    assert display.windows[0].name == "NORMAL"
    assert display.windows[0].center == pytest.approx(1500, abs=2)
    assert display.windows[0].width == pytest.approx(1000, rel=0.02)
    assert display.windows[0].function == "TABLE"
    values = np.array([900, 1000, 1250, 1500, 2000, 2100], np.float32)
    shown = apply_window(values, display.windows[0])
    assert shown.tolist() == [0, 0, 64, 127, 255, 255]  # a straight table from 1000 to 2000
    assert Display.from_json(json.loads(json.dumps(display.to_json()))) == display


def voi_table(entries: list[int], first: int) -> Dataset:
    table = Dataset()
    table.LUTDescriptor, table.LUTData, table.LUTExplanation = [len(entries), first, 12], entries, "CURVE"
    return table


def test_voi_table_from_a_negative_value_is_understood_where_it_was_written_unsigned() -> None:
    """After a rescale by -1024 the first value is -1000 (PS3.3 C.11.2.1.1); an unsigned element holds it as 64,536."""
    entries = np.linspace(0, 4095, 2001).astype(int).tolist()
    dataset = make_dataset(RAMP, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
    dataset.VOILUTSequence = [voi_table(entries, 64_536)]
    (window,) = [window for window in display_of(dataset).windows if window.name == "CURVE"]
    assert (window.points[0], window.points[-1]) == ((-1000.0, 0.0), (1000.0, 1.0))
    assert display_of(dataset).windows[0] == window


def test_voi_table_that_shows_nothing_is_offered_last() -> None:
    dataset = make_dataset(RAMP, Modality="DX")
    dataset.VOILUTSequence = [voi_table(np.linspace(0, 4095, 1001).astype(int).tolist(), 50_000)]
    display = display_of(dataset)
    assert display.windows[0].name == "Automatic"
    assert (display.windows[-1].name, display.windows[-1].points[0][0]) == ("CURVE", 50_000)


def test_all_but_ct_offer_an_automatic_and_a_full_window() -> None:
    names = [window.name for window in display_of(make_dataset(RAMP, Modality="MR")).windows]
    assert names == ["Automatic", "Full range"]
    assert "Full range" not in [window.name for window in display_of(make_dataset(RAMP, **CT)).windows]


def test_header_window_that_is_a_preset_has_its_name() -> None:
    windows = display_of(make_dataset(RAMP, WindowCenter=40, WindowWidth=80, **CT)).windows
    assert [window.name for window in windows].count("Brain") == 1
    assert "Header" not in [window.name for window in windows]


def test_a_preset_that_the_header_calls_otherwise_is_still_the_preset() -> None:
    """Keys and hanging know it by its name."""
    dataset = make_dataset(RAMP, WindowCenter=[50, 40], WindowWidth=[350, 400], **CT)
    dataset.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    windows = display_of(dataset).windows
    assert [window.name for window in windows[:2]] == ["WINDOW1", "Soft tissue"]
    assert {"Lung", "Bone", "Brain", "Liver"} <= {window.name for window in windows[2:]}


def test_colours_have_no_window() -> None:
    assert display_of(make_dataset(np.zeros((8, 8, 3), np.uint8))).windows == ()


def test_eight_bit_pictures_are_shown_as_they_are() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    dataset = make_dataset(values, Modality="US")
    shown = apply_window(values.astype(np.float32), display_of(dataset).windows[0])
    assert np.array_equal(shown, values)


def test_frames_without_contrast_have_a_window_too() -> None:
    window = display_of(make_dataset(np.zeros((8, 8), np.uint16), Modality="MR")).windows[0]
    assert window.width > 0


@pytest.mark.parametrize(
    ("function", "expected"),
    [("LINEAR", [0, 0, 128, 255, 255]), ("LINEAR_EXACT", [0, 0, 128, 255, 255]), ("SIGMOID", [5, 30, 128, 225, 250])],
)
def test_apply_window_follows_the_standard(function: Any, expected: list[int]) -> None:
    # PS3.3 C.11.2.1.2.1 and C.11.2.1.3.1 for center 100, width 100; one grey level of tolerance
    values = np.array([0, 50, 100, 150, 200], np.float32)
    shown = apply_window(values, Window("", 100, 100, function))
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_display_survives_json() -> None:
    display = display_of(make_dataset(RAMP, **CT))
    assert Display.from_json(display.to_json()) == display
