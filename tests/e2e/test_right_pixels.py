"""Right pixels, right window: every decodable file, read in the real room, compared with what others decode."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect
from pydicom import Sequence as Items

from tests.annotations.dicom.builders import make_dataset
from tests.e2e.corpus import Specimen, shown_as, specimen, specimens, stretched
from tests.e2e.generated import new_volume
from tests.e2e.made import group, item, made_datasets, ramp, table
from tests.e2e.pages import case_on_screen, drag_window, open_page, press, sign_in, viewport
from tests.e2e.picture import look, picture_fault, raw_values, value_fault
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.served import Served

pytestmark = pytest.mark.stack
ON_THE_PROCESSOR = "?rendering=cpu"
USUAL = ("Brain", "Lung", "Bone", "Soft tissue", "Liver", "Automatic", "Full range")
CURVES = ("sigmoid", "voi table", "falling voi table", "inverted voi table")


@pytest.fixture(scope="module")
def page(product: Product, browser: Browser) -> Page:
    product.add_project("pixels")
    product.add_person("pia", "pixels", "reader")
    page = open_page(browser, product.address)
    sign_in(page, "pia")
    return page


@pytest.fixture
def unrouted(page: Page) -> Any:
    yield
    page.unroute_all()


def identity(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


def in_key_order(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Shift+1 to Shift+9 are: the usual windows in their places, then those of the header."""
    usual = [next((one for one in windows if one["name"] == name), None) for name in USUAL]
    placed = [one for one in usual if one]
    return [*placed, *(one for one in windows if not any(one is other for other in placed))][:9]


def faults_of(page: Page, one: Specimen) -> list[str]:
    """The opening frame's values, then its picture in each window that is offered, one after the other."""
    seen = look(page, with_values=True)
    values = raw_values(seen, one)
    found = [value_fault(values, one, one.opening)]
    if one.stored.is_colour:
        return [fault for fault in [*found, picture_fault(seen, values, identity)] if fault]
    display = one.display.to_json()
    for index, window in enumerate([display["windows"][0], *in_key_order(display["windows"])]):
        if index > 0:
            drawn = int(page.locator("[data-viewport]").get_attribute("data-drawn") or 0)
            page.keyboard.press(f"Shift+Digit{index}")
            page.wait_for_function(
                "drawn => Number(document.querySelector('[data-viewport]').dataset.drawn) > drawn", arg=drawn
            )
            seen = look(page, with_values=False)
        fault = picture_fault(seen, values, shown_as(window, display["is_inverted"]))
        found.append(fault and f"{window['name']} {window['function']}: {fault}")
    return [fault for fault in found if fault]


def read_all(page: Page, shown: Sequence[Specimen], query: str = "") -> dict[str, list[str]]:
    reading, faults = Served(page, "pixels", shown), dict[str, list[str]]()
    reading.open(query)
    for number, one in enumerate(shown):
        reading.wait_for(number)
        if fault := faults_of(page, one):
            faults[one.name] = fault
        if one is not shown[-1]:  # what is sent after the routes are gone would be refused, and kept as such
            reading.submit()
    return faults


@pytest.mark.usefixtures("unrouted")
def test_each_step_of_the_pipeline_is_drawn_after_the_standard(page: Page) -> None:
    made = [specimen(name, dataset) for name, dataset in made_datasets()]
    assert read_all(page, made) == {}


@pytest.mark.usefixtures("unrouted")
def test_each_step_of_the_pipeline_is_drawn_without_webgl(page: Page) -> None:
    made = [specimen(name, dataset) for name, dataset in made_datasets()]
    assert read_all(page, made, ON_THE_PROCESSOR) == {}


@pytest.mark.usefixtures("unrouted")
@pytest.mark.parametrize("query", ["", ON_THE_PROCESSOR])
def test_curves_keep_their_shape_where_the_window_is_dragged(page: Page, query: str) -> None:
    made = [specimen(name, dataset) for name, dataset in made_datasets() if name in CURVES]
    assert len(made) == len(CURVES)
    reading = Served(page, "pixels", made)
    reading.open(query)
    for number, one in enumerate(made):
        reading.wait_for(number)
        center, width = drag_window(page, -150, -100)
        seen, display = look(page, with_values=True), one.display.to_json()
        values, window = raw_values(seen, one), display["windows"][0]
        drawn = window | {"center": center, "width": width}
        show = shown_as(stretched(drawn, center, width) if drawn["points"] else drawn, display["is_inverted"])
        assert picture_fault(seen, values, show) is None, one.name
        assert picture_fault(seen, values, shown_as(window, display["is_inverted"])) is not None, one.name
        if one is not made[-1]:
            reading.submit()


@pytest.mark.usefixtures("unrouted")
@pytest.mark.parametrize("query", ["", ON_THE_PROCESSOR])
def test_drag_windows_whatever_the_values_are(page: Page, query: str) -> None:
    """PET in becquerels, whose windows are thousands wide; values from 0 to 1; colours."""
    activity = {"RescaleSlope": 6.5, "RescaleIntercept": 0, "Units": "BQML"}
    grey = ramp("u1", 20, 200)
    made = [
        specimen("activity", make_dataset(ramp(), Modality="PT", **activity)),
        specimen("shares", make_dataset(ramp(), Modality="MR", RescaleSlope=1 / 4000, RescaleIntercept=0)),
        specimen("colours", make_dataset(np.stack([grey, 220 - grey, grey // 2], axis=-1), Modality="US")),
    ]
    reading = Served(page, "pixels", made)
    reading.open(query)
    for number, one in enumerate(made):
        reading.wait_for(number)
        opened = float(viewport(page, "window-width"))
        center, width = drag_window(page, -150, -100)
        seen = look(page, with_values=True)
        values = raw_values(seen, one)
        spread = 255 if one.stored.is_colour else values.max() - values.min()
        assert opened - width == pytest.approx(150 * spread / 1024, rel=0.05), one.name
        drawn = {"center": center, "width": width, "function": "LINEAR_EXACT", "points": []}
        assert picture_fault(seen, values, shown_as(drawn, is_inverted=False)) is None, one.name
        page.keyboard.press("Space")
        expect(page.locator("[data-viewport]")).to_have_attribute("data-window-width", f"{opened:g}")
        if one is not made[-1]:
            reading.submit()


@pytest.mark.usefixtures("unrouted")
@pytest.mark.parametrize("query", ["", ON_THE_PROCESSOR])
def test_curve_stays_from_slice_to_slice(page: Page, query: str) -> None:
    frames = np.stack([ramp(high=1000), ramp(low=500, high=2000), ramp(high=4000)])
    fractions = {"RescaleSlope": 0.37, "RescaleIntercept": -12.5}
    sigmoid = {"WindowCenter": 300, "WindowWidth": 500, "VOILUTFunction": "SIGMOID"}
    one = specimen("fractions", make_dataset(frames, Modality="MR", **sigmoid, **fractions))
    reading = Served(page, "pixels", [one])
    reading.open(query)
    reading.wait_for(0)
    for index, key in ((0, "Home"), (2, "End"), (1, "ArrowUp")):
        page.keyboard.press(key)
        expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", str(index))
        seen = look(page, with_values=True)
        values = raw_values(seen, one)
        assert value_fault(values, one, index) is None
        assert picture_fault(seen, values, shown_as(one.display.to_json()["windows"][0], is_inverted=False)) is None


@pytest.mark.usefixtures("unrouted")
@pytest.mark.parametrize("query", ["", ON_THE_PROCESSOR])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_table_stays_where_slices_are_kept_in_other_numbers(page: Page, query: str, photometric: str) -> None:
    """Whole numbers, then fractions: the library makes the picture anew, and its curve with it."""
    frames = np.stack([ramp(high=200), ramp(low=50, high=240), ramp(high=4000)])
    units = [item(RescaleSlope=slope, RescaleIntercept=7, RescaleType="US") for slope in (1, 0.37, 0.5)]
    each = Items([group(PixelValueTransformationSequence=unit) for unit in units])
    curve = Items([table(np.rint(65535 * np.linspace(0, 1, 1024) ** 2.2), 0)])
    own = {"PhotometricInterpretation": photometric, "PerFrameFunctionalGroupsSequence": each}
    one = specimen("bent", make_dataset(frames, Modality="MR", VOILUTSequence=curve, **own))
    reading = Served(page, "pixels", [one])
    reading.open(query)
    reading.wait_for(0)
    is_inverted = photometric == "MONOCHROME1"
    for index, key in ((0, "Home"), (2, "End"), (1, "ArrowUp"), (2, "End")):
        press(page, key, "slice-index", str(index))
        seen = look(page, with_values=True)
        values = raw_values(seen, one)
        assert picture_fault(seen, values, shown_as(one.display.to_json()["windows"][0], is_inverted)) is None, index
    center, width = drag_window(page, -150, -100)
    press(page, "Home", "slice-index", "0")
    seen = look(page, with_values=True)
    dragged = stretched(one.display.to_json()["windows"][0], center, width)
    assert picture_fault(seen, raw_values(seen, one), shown_as(dragged, is_inverted)) is None


@pytest.mark.parametrize("query", ["", ON_THE_PROCESSOR])
def test_window_that_a_stack_opens_with_holds_where_slices_have_others(
    product: Product, browser: Browser, tmp_path: Path, query: str
) -> None:
    slug = "windows-cpu" if query else "windows"
    hu = np.stack([ramp("i2", -300, 400)] * 3)
    windows = {"WindowCenter": lambda z: 40 + 10 * z, "WindowWidth": 400}
    files = new_volume(tmp_path, hu, name="each its own", **windows)
    furnish(product, slug, files, readers=["wanda"])
    page = open_page(browser, product.address)
    sign_in(page, "wanda")
    page.goto(f"/projects/{slug}/read/{query}")
    case_on_screen(page)
    opened = viewport(page, "window-center"), viewport(page, "window-width")
    assert opened[0] == "50"
    for index, key in ((0, "Home"), (1, "ArrowDown"), (2, "End")):
        press(page, key, "slice-index", str(index))
        assert (viewport(page, "window-center"), viewport(page, "window-width")) == opened
    page.context.close()


@pytest.mark.usefixtures("unrouted")
def test_each_file_of_the_corpora_has_its_pixels_and_its_windows(page: Page) -> None:
    shown = list(specimens())
    assert len(shown) > 100
    assert read_all(page, shown) == {}


@pytest.mark.usefixtures("unrouted")
def test_frames_are_rescaled_each_by_its_own_functional_group(page: Page) -> None:
    (one,) = [specimen(name, dataset) for name, dataset in made_datasets() if name == "rescaled by frame"]
    reading = Served(page, "pixels", [one])
    reading.open()
    reading.wait_for(0)
    for index, key in ((0, "Home"), (2, "End")):
        page.keyboard.press(key)
        expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", str(index))
        assert value_fault(raw_values(look(page, with_values=True), one), one, index) is None


@pytest.mark.usefixtures("unrouted")
def test_pixels_that_are_not_square_are_drawn_in_their_shape(page: Page) -> None:
    shapes = {"wide pixels": 2.0, "tall pixels": 1 / 3}
    made = [specimen(name, dataset) for name, dataset in made_datasets() if name in shapes]
    reading = Served(page, "pixels", made)
    reading.open()
    for number, one in enumerate(made):
        reading.wait_for(number)
        seen = look(page, with_values=False)
        origin, right, down = (np.array(seen[name]) for name in ("origin", "right", "down"))
        across, along = np.linalg.norm(right - origin), np.linalg.norm(down - origin)
        assert across / along == pytest.approx(shapes[one.name], rel=1e-3), one.name
        zoom = float(page.locator("[data-viewport]").get_attribute("data-zoom") or 0)
        assert zoom == pytest.approx(min(across, along), rel=1e-2), one.name  # reduced one way is reduced
        reading.submit()
