"""Anchor images: chosen by a manager, seen at the level and beside the case, never handed out as one."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from pydicom import Sequence
from pydicom.uid import ComputedRadiographyImageStorage

from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.e2e.generated import new_ramp, new_uid
from tests.e2e.made import ramp, table
from tests.e2e.pages import (
    case_on_screen,
    check,
    drag_window,
    expect_saved,
    open_page,
    press,
    read_case,
    sign_in,
    viewport,
)
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
GREY = """([selector, x, y]) => {
  const canvas = document.querySelector(selector + ' canvas');
  const at = [Math.floor(canvas.width * x), Math.floor(canvas.height * y)];
  return canvas.getContext('2d').getImageData(...at, 1, 1).data[0];
}"""
CASE, BESIDE = "[data-viewport]", "[data-comparison]"


def greys(page: Page, selector: str) -> tuple[int, int]:
    """What the left and the right half of the picture are drawn as."""
    left, right = (page.evaluate(GREY, [selector, x, 0.5]) for x in (0.4, 0.6))
    return left, right


def expect_grey(page: Page, selector: str, hu: float) -> None:
    """The right half in the window 40 / 400."""
    wanted = min(255, max(0, (hu + 160) / 400 * 255))
    found = greys(page, selector)
    assert found == pytest.approx((0, wanted), abs=4), (selector, hu)


def beside(page: Page, name: str, value: str | re.Pattern[str]) -> None:
    timeout = 30_000 if name == "state" else None
    expect(page.locator(BESIDE)).to_have_attribute(f"data-{name}", value, timeout=timeout)


def drawn_anew(page: Page, selector: str, key: str) -> None:
    """Press a key and wait for the next picture."""
    drawn = int(page.locator(selector).get_attribute("data-drawn") or 0)
    page.keyboard.press(key)
    page.wait_for_function(
        "([selector, drawn]) => Number(document.querySelector(selector).dataset.drawn) > drawn", arg=[selector, drawn]
    )


def choose(page: Page, project: str, level: int, name: str) -> None:
    page.goto(f"/projects/{project}/anchor-images/")
    page.locator(f'[data-level="{level}"]').get_by_role("link", name="Choose").click()
    page.get_by_role("button", name=name).click()
    expect(page.locator(f'[data-level="{level}"] img')).to_be_visible()


def test_case_is_compared_with_the_anchor_images_of_its_levels(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    files = [
        *new_ramp(tmp_path, slices=9, name="first"),
        *new_ramp(tmp_path, slices=9, name="second"),
        *new_ramp(tmp_path, slices=9, name="fair", first_hu=-40, step_hu=20),
        *new_ramp(tmp_path, slices=3, name="good", first_hu=100, step_hu=10, Modality="MR", RescaleIntercept=-1024),
    ]
    furnish(product, "anchors", files, readers=["ann"])
    product.add_person("max", "anchors", "manager")
    manager = open_page(browser, product.address)
    sign_in(manager, "max")
    choose(manager, "anchors", 2, "fair")
    choose(manager, "anchors", 3, "good")
    check(manager, "anchor-images")
    manager.context.close()

    page = open_page(browser, product.address)
    sign_in(page, "ann")
    page.goto("/projects/anchors/read/")
    assignment = case_on_screen(page)
    expect(page.locator("[data-counts], .topbar")).to_contain_text("2")
    thumbnail = page.get_by_role("img", name="Anchor image of level 2, Fair")
    expect(thumbnail).to_be_visible()
    assert thumbnail.evaluate("image => image.decode().then(() => image.naturalWidth)") > 16
    expect_grey(page, CASE, 0)  # slice 5 of 9
    thumbnail.click()
    beside(page, "state", "rendered")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "")  # looked at, not chosen
    beside(page, "slice-index", "4")
    expect_grey(page, BESIDE, 40)
    check(page, "comparison")
    whole = page.locator(CASE).bounding_box()
    other = page.locator(BESIDE).bounding_box()
    assert whole
    assert other
    assert whole["x"] + whole["width"] <= other["x"]
    whole_zoom = min(whole["width"], whole["height"]) / 256  # it was whole in the wider pane, and is again
    page.wait_for_function(
        "zoom => Math.abs(document.querySelector('[data-viewport]').dataset.zoom / zoom - 1) < 0.02", arg=whole_zoom
    )

    press(page, "ArrowDown", "slice-index", "5")  # linked: the other goes along
    beside(page, "slice-index", "5")
    expect_grey(page, CASE, 40)
    expect_grey(page, BESIDE, 60)
    press(page, "Shift+Digit3", "window-width", "1800")
    beside(page, "window-width", "1800")
    page.keyboard.press("Space")
    beside(page, "window-width", "400")
    page.keyboard.press("t")  # each by itself
    press(page, "ArrowUp", "slice-index", "4")
    beside(page, "slice-index", "5")
    page.keyboard.press("q")  # keys act on the other one
    page.keyboard.press("End")
    beside(page, "slice-index", "8")
    expect(page.locator(CASE)).to_have_attribute("data-slice-index", "4")
    expect_grey(page, BESIDE, 120)
    drawn_anew(page, BESIDE, "i")
    expect(page.locator(CASE)).to_have_attribute("data-inverted", "false")
    page.locator('[data-preset="3"]').click()  # and so do the buttons
    beside(page, "window-width", "1800")
    expect(page.locator('[data-preset="3"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator(CASE)).to_have_attribute("data-window-width", "400")
    page.keyboard.press("q")

    page.keyboard.press("a")  # the next one, of another modality
    expect(page.locator(BESIDE)).to_have_attribute("aria-label", re.compile("level 3"))
    beside(page, "slice-count", "3")
    beside(page, "state", "rendered")
    page.keyboard.press("a")  # and none
    expect(page.locator(BESIDE)).to_have_count(0)
    page.keyboard.press("3")
    page.keyboard.press("a")  # that of the level that was chosen
    expect(page.locator(BESIDE)).to_have_attribute("aria-label", re.compile("level 3"))
    beside(page, "state", "rendered")
    read_case(page, 3)
    expect(page.locator(BESIDE)).to_have_count(0)  # the next case is alone
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert [(one["kind"], one["value"], one["is_shown"]) for one in state["compared"]] == [
        ("anchor", 2, False),
        ("anchor", 3, True),
    ]
    assert state["slice_index"] == 4
    read_case(page, 4)
    expect(page.locator('.room[data-phase="empty"]')).to_be_visible()  # no anchor is handed out
    check(page, "comparison-end")
    page.context.close()


def test_image_beside_draws_its_table_in_the_window_that_the_case_is_dragged_to(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    curve = Sequence([table(np.rint(65535 * np.linspace(0, 1, 4096) ** 2.2), 0)])
    kind = {"Modality": "CR", "SOPClassUID": ComputedRadiographyImageStorage, "VOILUTSequence": curve}
    files = [tmp_path / f"{name}.dcm" for name in ("fair", "plain")]
    for file in files:
        dataset = make_dataset(ramp(), **kind, PatientID=new_uid(), SeriesDescription=file.stem)
        file.write_bytes(to_bytes(dataset))
    furnish(product, "curves", files, readers=["cora"])
    product.add_person("carl", "curves", "manager")
    manager = open_page(browser, product.address)
    sign_in(manager, "carl")
    choose(manager, "curves", 2, "fair")
    manager.context.close()

    page = open_page(browser, product.address)
    sign_in(page, "cora")
    page.goto("/projects/curves/read/")
    case_on_screen(page)
    page.keyboard.press("a")
    beside(page, "state", "rendered")
    expect(page.locator(BESIDE)).to_have_attribute("data-window-width", viewport(page, "window-width"))
    places = [(0.5 + x, 0.5 + y) for x in (-0.2, 0, 0.2) for y in (-0.2, 0, 0.2)]
    before = [page.evaluate(GREY, [BESIDE, *place]) for place in places]
    center, width = drag_window(page, -150, -100)
    beside(page, "window-center", f"{center:g}")
    beside(page, "window-width", f"{width:g}")
    leads, follows = ([page.evaluate(GREY, [pane, *place]) for place in places] for pane in (CASE, BESIDE))
    assert follows == pytest.approx(leads, abs=5)
    assert follows != pytest.approx(before, abs=5)
    check(page, "comparison-table")
    page.context.close()
