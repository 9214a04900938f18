"""The reading room in Firefox: the same pixels, keys, drafts and rows, with a graphics card and without."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from tests.e2e.corpus import shown_as
from tests.e2e.firefox import Firefox, firefox
from tests.e2e.generated import new_volume
from tests.e2e.pages import NEXT_IS_THERE, OUTPUT
from tests.e2e.picture import LOOK, STEP, decoded, picture_fault
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = [pytest.mark.stack, pytest.mark.firefox]

SLICES, SIDE = 12, 96
MIDDLE = (SLICES - 1) // 2
VIEWPORT, OVERALL = "[data-viewport]", "[data-criterion=overall]"
SHOWN = "document.querySelector('[data-viewport][data-state=rendered]')?.dataset.assignment"
ANOTHER = f"{SHOWN} && {SHOWN} !== arguments[0]"
PLANES = "document.querySelectorAll('[data-plane] canvas[data-shows]').length === 2"
BRIGHTEST = 210
READING = (
    "SELECT s.value, r.comment, r.display_state FROM annotations_reading r "
    "JOIN annotations_score s ON s.reading_id = r.id WHERE r.assignment_id = %s"
)


def volume() -> NDArray[np.int16]:
    """Slopes, so that what lies between two pixels is known; each slice is brighter than the one before."""
    z, row, column = np.mgrid[:SLICES, :SIDE, :SIDE]
    return np.asarray(2 * row + column + 10 * z - 200, np.int16)


@pytest.fixture(scope="module")
def room(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("volumes")
    files = [file for name in ("one", "two", "three") for file in new_volume(folder, volume(), name=name)]
    furnish(product, "firefox", files, readers=["gpu", "cpu"])
    return product


@pytest.fixture(params=["gpu", "cpu"])
def rendering(request: pytest.FixtureRequest) -> str:
    """By what pictures are drawn; the reader's name as well."""
    name: str = request.param
    return name


@pytest.fixture
def window(room: Product, rendering: str, tmp_path: Path) -> Iterator[Firefox]:
    with firefox(room.address, tmp_path, with_webgl=rendering == "gpu") as window:
        window.sign_in(rendering)
        window.open("/projects/firefox/read/")
        yield window
        assert window.complaints() == []


def expect_slice(window: Firefox, index: int, *, inverted: bool = False) -> None:
    """Its values, and its picture in the header's window."""
    window.expect(VIEWPORT, "data-slice-index", str(index))
    window.expect(VIEWPORT, "data-inverted", str(inverted).lower())
    seen = window.call(LOOK, [STEP, True])
    values = decoded(seen, (SIDE, SIDE))
    assert (values == volume()[index]).all()
    show = shown_as({"center": 40, "width": 400, "function": "LINEAR"}, is_inverted=inverted)
    assert picture_fault(seen, values, show) is None


def expect_dark_sheet(window: Firefox, rendering: str) -> None:
    """Nothing of it is brighter than its letters: not the bar that scrolls it either."""
    window.press("k")
    window.wait("document.querySelector('dialog[open]')")
    window.picture(picture := OUTPUT / f"firefox-{rendering}-sheet.png")
    grey = np.asarray(Picture.open(picture).convert("L"))
    assert np.percentile(grey, 99.99) < BRIGHTEST
    window.press("ESCAPE")
    window.wait("!document.querySelector('dialog[open]')")


def test_case_is_read_with_the_keyboard_and_a_reload_loses_nothing(
    window: Firefox, room: Product, rendering: str
) -> None:
    assignment = window.wait(SHOWN)
    assert window.attribute(VIEWPORT, "data-rendering") == rendering
    expect_slice(window, MIDDLE)
    window.press("ARROW_DOWN")
    expect_slice(window, MIDDLE + 1)
    window.press("i")
    expect_slice(window, MIDDLE + 1, inverted=True)
    window.press("SHIFT+3")
    window.expect(VIEWPORT, "data-window-width", "1800")
    window.press("SPACE")
    window.expect(VIEWPORT, "data-window-width", "400")
    expect_dark_sheet(window, rendering)
    window.press("y")
    window.wait(PLANES)
    window.press("3", "n", *"dark")
    window.picture(OUTPUT / f"firefox-{rendering}.png")
    window.expect(OVERALL, "data-score", "3")
    window.driver.refresh()
    assert window.wait(SHOWN) == assignment
    window.expect(OVERALL, "data-score", "3")
    window.press("ENTER")
    window.wait(ANOTHER, assignment)
    window.expect("[data-save-state]", "data-save-state", "saved")
    ((value, comment, state),) = room.rows(READING, assignment)
    assert (value, comment, state["slice_index"]) == (3, "dark", MIDDLE)


def test_reading_made_without_a_network_is_sent_when_it_is_back(window: Firefox, room: Product, rendering: str) -> None:
    assignment = window.wait(SHOWN)
    window.wait(f"({NEXT_IS_THERE})()")
    window.lose_the_network()
    window.press("1", "ENTER")
    window.wait(ANOTHER, assignment)
    window.expect("[data-save-state]", "data-save-state", "waiting")
    assert room.rows(READING, assignment) == []
    window.find_the_network()
    window.expect("[data-save-state]", "data-save-state", "saved")
    assert [value for value, *_ in room.rows(READING, assignment)] == [1]
