"""Ultrasound on screens that scanners did not show."""

import numpy as np
import pytest

from inference.mediqa.pretraining.screens import on_screen, screens
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import SCREEN, Prompt
from tests.mediqa.conftest import phantom


def scan(modality: str = "US", screen: tuple[float, float] | None = SCREEN) -> SourceSlice:
    pixels = 100 + 10 * phantom(1, side=96)[0] / 1000
    return SourceSlice(
        "clinic", "s", "p", pixels, Prompt("2D", modality), is_inverted=False, spacing_mm=0.2, screen=screen
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_scan_lies_whole_on_a_larger_screen_with_something_written(seed):
    values = np.full((90, 70), 77.0)
    shown = on_screen(values, np.random.default_rng(seed))
    assert shown.shape[0] >= 90 * 1.1 - 2
    assert shown.shape[1] >= 70 * 1.1 - 2
    assert 0 == shown.min() < 77 < shown.max() <= 255
    assert (shown == 77).sum() > 0.7 * values.size  # letters may run into it
    assert np.array_equal(shown, on_screen(values, np.random.default_rng(seed)))


def test_slices_of_ultrasound_are_shown_in_turn_and_keep_their_patient():
    first, second = scan(), scan()
    shown = list(screens([first, scan("MR"), scan(screen=None), second], 4, np.random.default_rng(0)))
    assert len(shown) == 4
    assert {one.source for one in shown} == {"generated_screens_clinic"}
    assert {(one.patient, one.screen, one.prompt.modality) for one in shown} == {("p", SCREEN, "US")}
    assert all(one.pixels.dtype == np.float32 for one in shown)
    assert list(screens([scan("MR")], 4, np.random.default_rng(0))) == []
