"""Right pixels, right window: every decodable file, read in the real room, compared with what others decode."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.e2e.corpus import Specimen, shown_as, specimen, specimens
from tests.e2e.made import made_datasets
from tests.e2e.pages import open_page, sign_in
from tests.e2e.picture import look, picture_fault, raw_values, value_fault
from tests.e2e.product import Product
from tests.e2e.served import Served

pytestmark = pytest.mark.stack


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


def faults_of(page: Page, one: Specimen) -> list[str]:
    """The opening frame's values, then its picture in each window that is offered, one after the other."""
    seen = look(page, with_values=True)
    values = raw_values(seen, one)
    found = [value_fault(values, one, one.opening)]
    if one.stored.is_colour:
        return [fault for fault in [*found, picture_fault(seen, values, identity)] if fault]
    display = one.display.to_json()
    for index, window in enumerate(display["windows"][:9]):
        if index > 0:
            drawn = int(page.locator("[data-viewport]").get_attribute("data-drawn") or 0)
            page.keyboard.press(f"Shift+Digit{index + 1}")
            page.wait_for_function(
                "drawn => Number(document.querySelector('[data-viewport]').dataset.drawn) > drawn", arg=drawn
            )
            seen = look(page, with_values=False)
        fault = picture_fault(seen, values, shown_as(window, display["is_inverted"]))
        found.append(fault and f"{window['name']} {window['function']}: {fault}")
    return [fault for fault in found if fault]


def read_all(page: Page, shown: Sequence[Specimen]) -> dict[str, list[str]]:
    reading, faults = Served(page, "pixels", shown), dict[str, list[str]]()
    reading.open()
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
        drawn = np.linalg.norm(right - origin) / np.linalg.norm(down - origin)
        assert drawn == pytest.approx(shapes[one.name], rel=1e-3), one.name
        reading.submit()
