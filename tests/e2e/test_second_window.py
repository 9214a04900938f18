"""The image in a window of its own: everything goes on there, and comes back when the window is closed."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_ramp
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    check,
    expect_saved,
    open_page,
    run_until,
    sign_in,
    watched,
)
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.test_comparison import CASE, expect_grey

pytestmark = pytest.mark.stack


def opened(page: Page) -> Page:
    with page.expect_popup() as popup:
        page.keyboard.press("j")
    second = watched(popup.value)
    expect(second.locator(CASE)).to_be_visible()
    return second


def is_in_focus(page: Page, selector: str) -> bool:
    found: bool = page.evaluate("selector => document.activeElement.matches(selector)", selector)
    return found


def drawn_as_wide_as_its_element(page: Page) -> None:
    page.wait_for_function(
        """selector => {
          const element = document.querySelector(selector);
          const canvas = element.querySelector('canvas');
          return element.dataset.state === 'rendered' && Math.abs(canvas.width - element.clientWidth) < 2
            && Math.abs(element.dataset.zoom * 256 / Math.min(element.clientWidth, element.clientHeight) - 1) < 0.02;
        }""",
        arg=CASE,
    )


def test_image_is_read_in_a_second_window_and_comes_back(product: Product, browser: Browser, tmp_path: Path) -> None:
    files = [path for name in ("one", "two", "three") for path in new_ramp(tmp_path, slices=9, name=name)]
    furnish(product, "second", files, readers=["sue"])
    page = open_page(browser, product.address)
    sign_in(page, "sue")
    page.goto("/projects/second/read/")
    first = case_on_screen(page)
    second = opened(page)
    expect(page.locator("[data-away]")).to_be_visible()
    expect(page.locator(CASE)).to_have_count(0)
    expect(page.locator('[data-criterion="overall"]')).to_be_visible()
    drawn_as_wide_as_its_element(second)
    expect_grey(second, CASE, 0)
    check(second, "second-window")
    check(page, "second-window-rubric")

    second.keyboard.press("ArrowDown")  # keys typed there
    expect(second.locator(CASE)).to_have_attribute("data-slice-index", "5")
    expect_grey(second, CASE, 40)
    page.keyboard.press("ArrowDown")  # and those typed here
    expect(second.locator(CASE)).to_have_attribute("data-slice-index", "6")
    box = second.locator(CASE).bounding_box()
    assert box
    second.mouse.move(box["x"] + 200, box["y"] + 200)  # a drag with the window tool
    second.mouse.down()
    second.mouse.move(box["x"] + 260, box["y"] + 200, steps=4)
    second.mouse.up()
    expect(second.locator(CASE)).not_to_have_attribute("data-window-width", "400")
    second.keyboard.press("f")  # a finding, marked there and listed here
    second.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator('[data-finding="1"]')).to_be_visible()
    expect(second.locator('[data-mark="1"]')).to_be_visible()
    second.keyboard.press("3")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "3")
    second.keyboard.press("Enter")
    expect(second.locator(CASE)).not_to_have_attribute("data-assignment", first, timeout=LONG)
    expect(second.locator(f'{CASE}[data-state="rendered"]')).to_be_visible(timeout=LONG)
    expect_saved(page)
    ((state, findings),) = product.rows(
        "SELECT display_state, (SELECT count(*) FROM annotations_finding f WHERE f.reading_id = r.id)"
        " FROM annotations_reading r WHERE assignment_id = %s",
        first,
    )
    assert (state["slice_index"], state["is_second_window"], findings) == (6, True, 1)
    assert state["viewport"] == [round(box["width"]), round(box["height"])]

    second.keyboard.press("2")
    second.close()
    expect(page.locator(CASE)).to_be_visible()
    expect(page.locator("[data-away]")).to_have_count(0)
    drawn_as_wide_as_its_element(page)
    expect_grey(page, CASE, 0)
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "2")  # nothing was lost
    second = opened(page)  # and again, put back by the page itself
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(CASE)).to_be_visible()
    expect(page.locator('[data-criterion="overall"] input:checked')).to_be_focused()  # nor the focus
    drawn_as_wide_as_its_element(page)
    check(page, "second-window-back")
    page.context.close()


def test_what_keys_open_from_the_second_window_is_written_and_left_from_there(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    furnish(product, "second-keys", new_ramp(tmp_path, slices=5, name="keys"), readers=["kay"])
    page = open_page(browser, product.address)
    sign_in(page, "kay")
    page.goto("/projects/second-keys/read/")
    assignment = case_on_screen(page)
    second = opened(page)
    for key, sheet in (("?", "help"), ("k", "settings"), ("l", "bookmarks")):
        second.keyboard.press(key)
        expect(page.locator(f"dialog[data-sheet={sheet}][open]")).to_be_visible()
        second.keyboard.press("Escape")
        expect(page.locator(f"dialog[data-sheet={sheet}][open]")).to_have_count(0)
    second.keyboard.press("n")
    run_until(page, lambda: is_in_focus(page, ".comment textarea"))  # of a window that may draw nothing meanwhile
    second.keyboard.type("Blurry ribs: 4xx")
    second.keyboard.press("Backspace")
    expect(page.locator(".comment textarea")).to_have_value("Blurry ribs: 4x")
    second.keyboard.press("Escape")
    run_until(page, lambda: is_in_focus(page, ".criterion *"))
    second.keyboard.press("3")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "3")
    second.keyboard.press("Enter")
    expect_saved(page)
    (reading,) = product.rows("SELECT id, comment FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert reading[1] == "Blurry ribs: 4x"
    assert product.rows("SELECT count(*) FROM annotations_bookmark WHERE assignment_id = %s", assignment) == [(0,)]
    assert page.errors == second.errors == []  # type: ignore[attr-defined]
    page.context.close()


def test_browser_that_allows_no_second_window_says_so(product: Product, browser: Browser, tmp_path: Path) -> None:
    furnish(product, "blocked", new_ramp(tmp_path, slices=3, name="only"), readers=["bob"])
    page = open_page(browser, product.address)
    page.add_init_script("window.open = () => null")
    sign_in(page, "bob")
    page.goto("/projects/blocked/read/")
    case_on_screen(page)
    page.keyboard.press("j")
    expect(page.locator('[data-notice="room"]')).to_contain_text("Allow pop-ups")
    expect(page.locator(CASE)).to_be_visible()
    page.context.close()
