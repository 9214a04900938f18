"""What is told quietly: what keeps a reader from seeing all that an image holds, and what becomes of a reading.

By `role=status`: a screen reader tells it when it has time to, and interrupts nobody.
"""

import re
from itertools import combinations, product

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.pages import (
    LONG,
    NEXT_IS_THERE,
    case_on_screen,
    check,
    expect_focus_on_criteria,
    expect_saved,
    open_page,
    open_room,
    press,
    read_case,
    sign_in,
)
from tests.e2e.product import Product

pytestmark = pytest.mark.stack
SCORES = (
    "SELECT count(*) FROM annotations_score s JOIN annotations_reading r ON r.id = reading_id WHERE assignment_id = %s"
)
NOTICES = "SELECT display_state -> 'notices' FROM annotations_reading WHERE assignment_id = %s"
# The lines of text over the slice's picture, by what they belong to: left, top, right, bottom.
WRITTEN = """() => [...document.querySelectorAll('.pane:not(.plane) :is(.corners p, [data-edge])')].map((place) => {
  const range = document.createRange();
  range.selectNodeContents(place);
  const boxes = [...range.getClientRects()].filter(({ width }) => width > 0);
  const edges = boxes.map(({ left, top, right, bottom }) => [left, top, right, bottom]);
  return [place.className || place.dataset.edge, edges];
})"""


def expect_nothing_covered(page: Page) -> None:
    written = page.evaluate(WRITTEN)
    assert {"corner-top-left", "corner-top-right", "top"} <= {name for name, boxes in written if boxes}
    covered = [
        (one, other)
        for (one, these), (other, those) in combinations(written, 2)
        for (a, b, c, d), (e, f, g, h) in product(these, those)
        if a < g and e < c and b < h and f < d
    ]
    assert covered == []


def told(page: Page) -> Locator:
    """What is said beside the image."""
    return page.get_by_role("status").and_(page.locator("[data-display-notices]"))


def preset(page: Page, name: str, width: str) -> None:
    names = page.locator("[data-preset] span").all_inner_texts()
    press(page, f"Shift+Digit{names.index(name) + 1}", "window-width", width)


def expect_quiet(page: Page) -> None:
    """Nothing over the image, nothing that interrupts, and the next digit still scores."""
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.get_by_role("alert").and_(page.locator(":not(:empty)"))).to_have_count(0)
    expect_focus_on_criteria(page)


def test_window_far_narrower_than_the_first_is_told_and_stored(ramps: Product, browser: Browser) -> None:
    page = open_room(browser, ramps.address, "ramps", "narrow")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-window-width", "1500")
    expect(told(page)).to_have_attribute("data-display-notices", "")
    expect(told(page)).to_have_text("")
    preset(page, "Brain", "80")
    expect(told(page)).to_have_attribute("data-display-notices", "narrow_window")
    expect(told(page)).to_have_text("The window is very narrow: noise looks stronger than it is.")
    expect_quiet(page)
    check(page, "notices-narrow-window")
    narrow = read_case(page, 3)
    expect_saved(page)
    expect(told(page)).to_have_attribute("data-display-notices", "")  # the next case opens as it should
    preset(page, "Brain", "80")
    expect(told(page)).to_have_attribute("data-display-notices", "narrow_window")
    press(page, " ", "window-width", "1500")
    expect(told(page)).to_have_text("")
    as_it_opened = read_case(page, 3)
    expect_saved(page)
    assert ramps.value(NOTICES, narrow) == ["narrow_window"]
    assert ramps.value(NOTICES, as_it_opened) == []
    page.context.close()


def test_screen_too_small_for_reading_is_told_and_stored(ramps: Product, browser: Browser) -> None:
    size = {"width": 1024, "height": 768}
    page = open_room(browser, ramps.address, "ramps", "small", viewport=size, screen=size)
    expect(told(page)).to_have_attribute("data-display-notices", re.compile(r"\bsmall_screen\b"))
    expect(told(page)).to_contain_text("This screen is small for reading images.")
    expect_quiet(page)
    check(page, "notices-small-screen")
    expect_nothing_covered(page)
    press(page, "r", "rotation", "90")
    page.keyboard.press("y")
    expect(page.locator("[data-plane]").first).to_be_visible()
    expect(told(page)).to_contain_text("This screen is small for reading images.")
    expect_quiet(page)
    check(page, "notices-small-screen-planes")
    expect_nothing_covered(page)
    page.keyboard.press("y")
    press(page, " ", "rotation", "0")
    assignment = read_case(page, 2)
    expect_saved(page)
    (state,) = ramps.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    assert state["notices"] == ["small_screen"]
    assert state["screen"] == [1024, 768]
    page.context.close()


def test_strip_tells_of_drafts_readings_and_refusals_where_a_screen_reader_listens(
    ramps: Product, browser: Browser
) -> None:
    """A region that comes with its text is told by few screen readers: each was there before."""
    page = open_room(browser, ramps.address, "ramps", "told")
    page.evaluate("() => { window.open = () => null; }")
    places = ("[data-save-state] > span:first-child", "[data-notice=room]", ".submit-status")
    saved, hint, left = (page.get_by_role("status").and_(page.locator(place)) for place in places)
    regions = [region.element_handle() for region in (saved, hint, left)]
    page.wait_for_function(NEXT_IS_THERE)
    page.keyboard.press("2")
    expect(left).to_have_text("All 1 answered")
    expect(saved).to_have_text(re.compile(r"^Draft saved \d\d:\d\d$"))
    page.keyboard.press("j")
    expect(hint).to_contain_text("Allow pop-ups")
    page.context.set_offline(True)
    read_case(page, 4)
    expect(saved).to_have_text("1 waiting for the network")
    expect(hint).to_have_text("")
    expect(left).to_contain_text("Still to answer: ")
    page.context.set_offline(False)
    expect(saved).to_have_text(re.compile(r"^Saved \d\d:\d\d$"), timeout=LONG)
    expect(hint).to_have_text(re.compile(r"^U opens it again until \d\d:\d\d$"))
    assert [region.evaluate("region => region.isConnected") for region in regions] == [True, True, True]
    page.context.close()


def test_image_that_cannot_be_shown_can_be_said_not_to_be_judged_and_nothing_else(
    ramps: Product, browser: Browser
) -> None:
    page = open_page(browser, ramps.address)
    sign_in(page, "lost")
    page.route("**/frames/**", lambda route: route.fulfill(status=404))
    page.goto("/projects/ramps/read/")
    expect(page.get_by_role("alert")).to_contain_text("The server does not have it any more.")
    check(page, "notices-no-image")
    assignment = page.locator("[data-viewport]").get_attribute("data-assignment")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator("[data-notice=room]")).to_contain_text("only be said that it cannot be judged")
    page.keyboard.press("x")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-abstention", re.compile("."))
    page.unroute("**/frames/**")
    page.keyboard.press("Enter")
    assert case_on_screen(page) != assignment
    expect_saved(page)
    assert ramps.value(NOTICES, assignment) == ["no_image"]
    assert ramps.value(SCORES, assignment) == 0
    page.context.close()
