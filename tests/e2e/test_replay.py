"""A manager is shown what a reader saw: the same pixels in a viewport of the same size."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, Route, expect
from pydicom import Dataset, Sequence
from pydicom.uid import ComputedRadiographyImageStorage

from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.e2e.corpus import shown_as, specimen, stretched
from tests.e2e.generated import new_ramp, new_uid, new_volume
from tests.e2e.made import SIZE, ramp, table
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    check,
    drag,
    drag_window,
    expect_saved,
    open_page,
    press,
    read_case,
    sign_in,
    viewport,
)
from tests.e2e.picture import decoded, look, picture_fault
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.test_comparison import BESIDE, CASE, beside, choose, drawn_anew, expect_grey
from tests.e2e.test_feedback import run
from tests.e2e.test_planes import COLUMNS, ROWS, SLICES, crosshairs, expect_plane, press_on, volume

pytestmark = pytest.mark.stack
SHOWN = (
    *("slice-index", "window-center", "window-width", "inverted", "rotation"),
    *("flipped-horizontally", "flipped-vertically", "zoom"),
)


PLANES = ('[data-plane="coronal"]', '[data-plane="sagittal"]')
STATE = "SELECT display_state FROM annotations_reading WHERE assignment_id = %s"
SHOW_PRIORS = (
    "from annotations.models import Project; Project.objects.filter(slug={slug!r}).update(is_prior_shown=True)"
)


def picture(page: Page, selector: str = CASE) -> NDArray[np.int16]:
    address = page.evaluate("pane => document.querySelector(`${pane} canvas`).toDataURL()", selector)
    content = base64.b64decode(address.split(",", 1)[1])
    return np.asarray(Picture.open(io.BytesIO(content)).convert("L"), np.int16)


def test_manager_sees_what_the_reader_saw(product: Product, browser: Browser, image_files: list[Path]) -> None:
    furnish(product, "replay", [file for file in image_files if "UB_5mm" in str(file)], readers=["rea"])
    product.add_person("mia", "replay", "manager")
    reader = open_page(browser, product.address)
    sign_in(reader, "rea")
    reader.goto("/projects/replay/read/")
    case_on_screen(reader)
    reader.keyboard.press("z")
    box = reader.locator("[data-viewport]").bounding_box()
    assert box
    zoom = viewport(reader, "zoom")
    reader.mouse.move(box["x"] + 300, box["y"] + 300)
    reader.mouse.down()
    reader.mouse.move(box["x"] + 310, box["y"] + 370, steps=4)
    reader.mouse.up()
    expect(reader.locator("[data-viewport]")).not_to_have_attribute("data-zoom", zoom)
    press(reader, "Home", "slice-index", "0")
    press(reader, "h", "flipped-horizontally", "true")
    press(reader, "r", "rotation", "90")
    press(reader, "i", "inverted", "true")
    press(reader, "Shift+Digit2", "window-width", "1500")
    seen, shown = picture(reader), {name: viewport(reader, name) for name in SHOWN}
    pan = [float(part) for part in viewport(reader, "pan").split(",")]
    assignment = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager = open_page(browser, product.address)
    sign_in(manager, "mia")
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator('[data-viewport][data-replayed="true"]')).to_be_visible(timeout=LONG)
    for name, value in shown.items():
        expect(manager.locator("[data-viewport]")).to_have_attribute(f"data-{name}", value)
    found = [float(part) for part in viewport(manager, "pan").split(",")]
    assert found == pytest.approx(pan, abs=0.1), json.dumps(shown)
    again = picture(manager)
    assert again.shape == seen.shape
    assert np.mean(np.abs(again - seen) > 8) < 0.01
    check(manager, "replay")
    manager.context.close()


def radiograph_with_two_tables() -> Dataset:
    """Of the same ends, as vendors write them: which of them was chosen is told by neither centre nor width."""
    tables = [table(np.rint(65535 * np.linspace(0, 1, 4096) ** power), 0) for power in (2.2, 0.5)]
    kind = {"Modality": "CR", "SOPClassUID": ComputedRadiographyImageStorage, "PatientID": new_uid()}
    return make_dataset(ramp(), **kind, VOILUTSequence=Sequence(tables))


def test_table_is_shown_as_the_reader_had_chosen_and_dragged_it(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    dataset = radiograph_with_two_tables()
    (tmp_path / "tables.dcm").write_bytes(to_bytes(dataset))
    furnish(product, "tables", [tmp_path / "tables.dcm"], readers=["tess"])
    product.add_person("mona", "tables", "manager")
    reader = open_page(browser, product.address)
    sign_in(reader, "tess")
    reader.goto("/projects/tables/read/")
    case_on_screen(reader)
    drawn_anew(reader, CASE, "Shift+Digit4")  # behind what is measured
    expect(reader.locator('.presets [aria-pressed="true"]')).to_have_attribute("data-preset", "4")
    center, width = drag_window(reader, -150, -100)
    expect(reader.locator('.presets [aria-pressed="true"]')).to_have_count(0)
    seen = look(reader, with_values=True)
    values, chosen = decoded(seen, (SIZE, SIZE)), specimen("tables", dataset).display.to_json()["windows"][1]
    show = shown_as(stretched(chosen, center, width), is_inverted=False)
    assert picture_fault(seen, values, show) is None
    assignment = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager = open_page(browser, product.address)
    sign_in(manager, "mona")
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator('[data-viewport][data-replayed="true"]')).to_be_visible(timeout=LONG)
    expect(manager.locator(CASE)).to_have_attribute("data-window-width", f"{width:g}")
    again = look(manager, with_values=False)
    assert picture_fault(again, values, show) is None
    assert picture_fault(again, values, shown_as(chosen, is_inverted=False)) is not None
    check(manager, "replay-table")
    manager.context.close()


def open_replay(manager: Page, product: Product, assignment: str) -> None:
    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator(f'{CASE}[data-replayed="true"]')).to_be_visible(timeout=LONG)


def standing(page: Page, selector: str) -> dict[str, str]:
    place = page.locator(selector)
    return {name: place.get_attribute(f"data-{name}") or "" for name in SHOWN}


def expect_standing(page: Page, selector: str, wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        expect(page.locator(selector)).to_have_attribute(f"data-{name}", value)


def test_planes_that_were_open_are_drawn_where_they_crossed(product: Product, browser: Browser, tmp_path: Path) -> None:
    hu = volume()
    files = [*new_volume(tmp_path, hu, name="one"), *new_volume(tmp_path, hu, name="two")]
    furnish(product, "replanes", files, readers=["ria"])
    product.add_person("max-planes", "replanes", "manager")
    reader = open_page(browser, product.address)
    sign_in(reader, "ria")
    reader.goto("/projects/replanes/read/")
    case_on_screen(reader)
    reader.keyboard.press("y")
    press_on(reader, "coronal", 10.5 / COLUMNS, 2.5 / SLICES)
    press_on(reader, "sagittal", 5.5 / ROWS, 3.5 / SLICES)
    press(reader, "Shift+Digit3", "window-width", "1800")
    press(reader, "i", "inverted", "true")
    bone = float(viewport(reader, "window-center"))
    boxes = [reader.locator(place).bounding_box() for place in (CASE, '[data-plane="coronal"]')]
    expect(reader.locator(CASE)).to_have_attribute("data-slice-index", str(SLICES - 1 - 3))
    stood = standing(reader, CASE)
    assert crosshairs(reader) == (10, 5)
    expect_plane(reader, "sagittal", 10, hu[::-1, :, 10], (bone, 1800), inverted=True)
    with_planes = read_case(reader, 3)
    expect_saved(reader)
    reader.keyboard.press("y")
    expect(reader.locator("[data-plane]")).to_have_count(2)
    reader.keyboard.press("y")
    without = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    manager = open_page(browser, product.address)
    sign_in(manager, "max-planes")
    open_replay(manager, product, with_planes)
    expect_standing(manager, CASE, stood)
    expect_plane(manager, "coronal", 5, hu[::-1, 5], (bone, 1800), inverted=True)
    expect_plane(manager, "sagittal", 10, hu[::-1, :, 10], (bone, 1800), inverted=True)
    assert crosshairs(manager) == (10, 5)
    again = [manager.locator(place).bounding_box() for place in (CASE, '[data-plane="coronal"]')]
    for box, then in zip(again, boxes, strict=True):
        assert box
        assert then
        assert (box["width"], box["height"]) == pytest.approx((then["width"], then["height"]), abs=2)
    check(manager, "replay-planes")
    manager.get_by_role("slider", name="Coronal").focus()  # it can be gone through
    manager.keyboard.press("ArrowUp")
    expect_plane(manager, "coronal", 6, hu[::-1, 6], (bone, 1800), inverted=True)
    ((state,),) = product.rows(STATE, with_planes)
    assert state["planes"] == {"column": 10, "row": 5, "is_shown": True}

    open_replay(manager, product, without)
    expect(manager.locator("main")).to_contain_text("Three planes were looked at")
    expect(manager.locator("[data-plane], [data-crosshairs]")).to_have_count(0)
    manager.context.close()


def test_planes_of_a_narrow_window_are_drawn_below_the_slice_as_they_stood(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    hu = volume()
    furnish(product, "narrow-planes", new_volume(tmp_path, hu, name="one"), readers=["nia"])
    product.add_person("max-narrow", "narrow-planes", "manager")
    reader = open_page(browser, product.address, viewport={"width": 800, "height": 1000})
    sign_in(reader, "nia")
    reader.goto("/projects/narrow-planes/read/")
    case_on_screen(reader)
    reader.keyboard.press("y")
    expect_plane(reader, "sagittal", COLUMNS // 2, hu[::-1, :, COLUMNS // 2])
    middle = reader.get_by_role("slider", name="Coronal").bounding_box()
    assert middle
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    drag(reader, (x, y), (x, y + 40), "right")
    expect(reader.locator('[data-plane="coronal"]')).not_to_have_attribute("data-zoom", "1")
    boxes = boxes_of(reader)
    assignment = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    manager = open_page(browser, product.address)
    sign_in(manager, "max-narrow")
    open_replay(manager, product, assignment)
    expect_plane(manager, "sagittal", COLUMNS // 2, hu[::-1, :, COLUMNS // 2])
    for box, then in zip(boxes_of(manager), boxes, strict=True):
        assert box == pytest.approx(then, abs=2)
    manager.context.close()


def boxes_of(page: Page) -> list[tuple[float, ...]]:
    """Of the slice and both planes: where they lie from the slice's upper left corner, width and height."""
    boxes = [page.locator(place).bounding_box() for place in (CASE, *PLANES)]
    found = [(box["x"], box["y"], box["width"], box["height"]) for box in boxes if box]
    assert len(found) == len(boxes)
    left, top = found[0][:2]
    return [(x - left, y - top, *size) for x, y, *size in found]


def without_display(route: Route) -> None:
    """As a browser sent it that did not keep how the image beside stood."""
    body = route.request.post_data_json
    for one in body["display_state"].get("compared", []):
        one.pop("display", None)
    route.continue_(post_data=json.dumps(body))


def test_image_that_lay_beside_the_case_is_drawn_as_it_stood(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    patient = new_uid()
    files = [
        *new_ramp(tmp_path, slices=9, name="a-earlier", PatientID=patient, StudyDate="20200101"),
        *new_ramp(tmp_path, slices=9, name="another", first_hu=-140),  # cases are fetched one ahead
        *new_ramp(tmp_path, slices=9, name="b-later", first_hu=-120, PatientID=patient, StudyDate="20240101"),
        *new_ramp(tmp_path, slices=9, name="fair", first_hu=-40, step_hu=20),
    ]
    furnish(product, "rebeside", files, readers=["ray"])
    run(product, SHOW_PRIORS.format(slug="rebeside"))
    product.add_person("mel", "rebeside", "manager")
    manager = open_page(browser, product.address)
    sign_in(manager, "mel")
    choose(manager, "rebeside", 2, "fair")

    reader = open_page(browser, product.address)
    sign_in(reader, "ray")
    reader.goto("/projects/rebeside/read/")
    case_on_screen(reader)
    reader.keyboard.press("a")
    beside(reader, "state", "rendered")
    reader.keyboard.press("t")  # each by itself
    press(reader, "ArrowUp", "slice-index", "3")
    reader.keyboard.press("q")  # keys act on the other one
    reader.keyboard.press("End")
    beside(reader, "slice-index", "8")
    for key, name, value in (
        *(("h", "flipped-horizontally", "true"), ("r", "rotation", "90"), ("i", "inverted", "true")),
        ("Shift+Digit3", "window-width", "1800"),
    ):
        reader.keyboard.press(key)
        beside(reader, name, value)
    box = reader.locator(BESIDE).bounding_box()
    assert box
    reader.mouse.move(box["x"] + 100, box["y"] + 200)
    reader.mouse.down(button="right")  # zooms
    reader.mouse.move(box["x"] + 100, box["y"] + 150, steps=4)
    reader.mouse.up(button="right")
    expect(reader.locator(CASE)).to_have_attribute("data-slice-index", "3")
    stood = {pane: (standing(reader, pane), picture(reader, pane)) for pane in (CASE, BESIDE)}
    assert stood[CASE][0]["zoom"] != stood[BESIDE][0]["zoom"]
    alone = read_case(reader, 3)
    expect_saved(reader)
    ((state,),) = product.rows(STATE, alone)
    (compared,) = state["compared"]
    display = compared["display"]
    assert (display["slice_index"], display["is_linked"], display["window_width"]) == (8, False, 1800)
    assert (state["slice_index"], state["window_width"]) == (3, 400)

    reader.keyboard.press("a")
    beside(reader, "state", "rendered")
    press(reader, "End", "slice-index", "8")
    reader.route("**/readings/", without_display)
    old = read_case(reader, 3)
    expect_saved(reader)
    reader.unroute("**/readings/")
    reader.keyboard.press("d")
    beside(reader, "state", "rendered")
    reader.keyboard.press("t")
    expect(reader.get_by_text("moves along")).to_be_visible()
    press(reader, "ArrowDown", "slice-index", "5")
    beside(reader, "slice-index", "5")
    linked = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    open_replay(manager, product, alone)
    expect(manager.locator(f'{BESIDE}[data-replayed="true"]')).to_be_visible(timeout=LONG)
    for pane, (attributes, seen) in stood.items():
        expect_standing(manager, pane, attributes)
        again = picture(manager, pane)
        assert again.shape == seen.shape
        assert np.mean(np.abs(again - seen) > 8) < 0.01, pane
    expect(manager.locator(BESIDE)).to_have_attribute("aria-label", re.compile("^Anchor image: .*, level 2$"))
    expect(manager.locator(".comparison")).to_contain_text("moves by itself")
    expect(manager.locator("main")).not_to_contain_text("How it stood there was not stored")
    check(manager, "replay-anchor")
    scroll(manager, CASE, 4)
    beside(manager, "slice-index", "8")

    open_replay(manager, product, old)
    expect(manager.locator(f'{BESIDE}[data-replayed="true"]')).to_be_visible(timeout=LONG)
    expect(manager.locator("main")).to_contain_text("How it stood there was not stored with this reading")
    beside(manager, "slice-index", "4")
    expect_grey(manager, BESIDE, 40)  # its own opening slice, in its first window
    check(manager, "replay-anchor-opening")

    open_replay(manager, product, linked)
    expect(manager.locator(f'{BESIDE}[data-replayed="true"]')).to_be_visible(timeout=LONG)
    expect(manager.locator(BESIDE)).to_have_attribute("aria-label", "Earlier image of 2020-01-01")
    beside(manager, "slice-index", "5")
    expect_grey(manager, BESIDE, 40)
    scroll(manager, CASE, 6)  # linked, as it was
    beside(manager, "slice-index", "6")
    scroll(manager, BESIDE, 7)  # whichever is in use leads
    expect(manager.locator(CASE)).to_have_attribute("data-slice-index", "7")
    check(manager, "replay-prior")

    run(product, "from annotations.models import AnchorImage; AnchorImage.objects.all().delete()")
    open_replay(manager, product, alone)
    expect(manager.locator("main")).to_contain_text("It is not drawn: it is not there any more")
    expect(manager.locator(BESIDE)).to_have_count(0)
    expect_standing(manager, CASE, stood[CASE][0])
    check(manager, "replay-anchor-gone")
    manager.context.close()


def scroll(page: Page, selector: str, to: int) -> None:
    """One notch of the wheel."""
    page.locator(selector).hover()
    page.mouse.wheel(0, 100)
    expect(page.locator(selector)).to_have_attribute("data-slice-index", str(to))
