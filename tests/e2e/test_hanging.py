"""Hanging by modality and view: the manager's line, the earlier image beside the case, and what the reader keeps."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_ramp, new_uid
from tests.e2e.pages import case_on_screen, check, expect_saved, open_page, press, read_case, sign_in
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.test_comparison import BESIDE, CASE, GREY, beside

pytestmark = pytest.mark.stack
LUNG = {"first": -600 - 750, "width": 1500}


def expect_hung(page: Page, **attributes: object) -> None:
    for name, value in attributes.items():
        expect(page.locator(CASE)).to_have_attribute(f"data-{name.replace('_', '-')}", str(value))


def lung_grey(hu: float) -> float:
    return min(255.0, max(0.0, (hu - LUNG["first"]) / LUNG["width"] * 255))


def test_cases_hang_as_the_manager_says_and_as_the_reader_keeps_it(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    patient = new_uid()
    files = [
        *new_ramp(tmp_path, slices=5, name="a-earlier", first_hu=-900, PatientID=patient, StudyDate="20200101"),
        *new_ramp(tmp_path, slices=5, name="another", first_hu=-800),  # cases are fetched one ahead
        *new_ramp(tmp_path, slices=5, name="b-later", first_hu=-700, PatientID=patient, StudyDate="20240101"),
        *new_ramp(tmp_path, slices=5, name="c-other", first_hu=-500),
    ]
    furnish(product, "hanging", files, readers=["hank"])
    product.add_person("hilda", "hanging", "manager")
    manager = open_page(browser, product.address)
    sign_in(manager, "hilda")
    manager.goto("/projects/hanging/settings/")
    manager.get_by_label("Earlier images of the patient").check()
    manager.get_by_role("button", name="Store").click()
    manager.get_by_role("link", name="Hanging: how cases are first shown").click()
    line = manager.locator('[data-line="0"]')
    line.get_by_label("Modality").fill("CT")
    line.get_by_label("View").fill("axial")
    line.get_by_label("Layout").select_option("prior")
    line.get_by_label("Window").select_option("Lung")
    line.get_by_label("First slice").select_option("first")
    line.get_by_label("Rotation").select_option("90")
    manager.get_by_role("button", name="Store").click()
    expect(manager.locator("legend").first).to_have_text("CT, AXIAL")
    check(manager, "hanging-lines")
    manager.context.close()

    page = open_page(browser, product.address)
    sign_in(page, "hank")
    page.goto("/projects/hanging/read/")
    case_on_screen(page)
    expect_hung(page, slice_index=0, window_width=1500, rotation=90)
    expect(page.locator(BESIDE)).to_have_count(0)  # nothing is earlier than this
    top, bottom = (page.evaluate(GREY, [CASE, 0.5, y]) for y in (0.3, 0.7))
    assert (top, bottom) == pytest.approx((lung_grey(-1024), lung_grey(-900)), abs=4)  # the right half, turned down
    press(page, "r", "rotation", "180")
    press(page, "Space", "rotation", "90")  # as it was hung
    read_case(page, 3)
    expect_saved(page)
    expect(page.locator(BESIDE)).to_have_count(0)
    read_case(page, 3)

    beside(page, "state", "rendered")
    expect(page.locator(BESIDE)).to_have_attribute("aria-label", "Earlier image of 2020-01-01")
    expect_hung(page, slice_index=0, window_width=1500, rotation=90)
    beside(page, "window-width", "1500")  # as the case hangs
    beside(page, "rotation", "90")
    check(page, "hanging-prior")
    page.keyboard.press("d")
    expect(page.locator(BESIDE)).to_have_count(0)
    press(page, "Space", "rotation", "90")
    press(page, "r", "rotation", "180")
    press(page, "h", "flipped-horizontally", "true")
    press(page, "Shift+Digit3", "window-width", "1800")
    press(page, "ArrowDown", "slice-index", "1")
    page.keyboard.press(".")
    expect(page.locator('[data-notice="room"]')).to_contain_text("Kept")
    ((kept,),) = product.rows(
        "SELECT reading_preferences -> 'hangings' -> 'hanging/CT/AXIAL' FROM annotations_user WHERE username = 'hank'"
    )
    assert kept == {
        "layout": "one",
        "window": "Bone",
        "fit": "whole",
        "first_slice": "middle",
        "rotation": 180,
        "is_flipped_horizontally": True,
        "is_flipped_vertically": False,
    }
    later = read_case(page, 3)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", later)
    assert [(one["kind"], one["is_shown"]) for one in state["compared"]] == [("prior", False)]
    expect_hung(page, slice_index=2, window_width=1800, rotation=180, flipped_horizontally="true")
    page.reload()  # it is the person's, and not the page's
    case_on_screen(page)
    expect_hung(page, slice_index=2, window_width=1800, rotation=180, flipped_horizontally="true")
    page.keyboard.press(",")
    expect_hung(page, window_width=1500, rotation=90, flipped_horizontally="false")
    expect(page.locator('[data-notice="room"]')).to_contain_text("as the project says")
    page.reload()
    case_on_screen(page)
    expect_hung(page, slice_index=0, window_width=1500, rotation=90)
    check(page, "hanging-reset")
    page.context.close()
