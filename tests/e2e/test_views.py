"""How the image is shown: alone on the screen, with the rubric folded to a strip."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_stacks
from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, open_page, open_room, read_case, sign_in
from tests.e2e.product import Product, readings_of
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack


def test_case_is_scored_with_the_rubric_folded(product: Product, browser: Browser, tmp_path: Path) -> None:
    furnish(product, "folded", new_stacks(tmp_path, stacks=2, slices=3), readers=["fox"])
    page = open_page(browser, product.address)
    sign_in(page, "fox")
    page.goto("/projects/folded/read/")
    case_on_screen(page)
    pane = page.locator("[data-viewport]")
    before = pane.bounding_box()
    drawn = int(pane.get_attribute("data-drawn") or 0)
    page.keyboard.press("e")
    strip = page.locator('.folded [data-criterion="overall"]')
    expect(strip).to_be_visible()
    expect(strip).to_be_focused()
    page.wait_for_function(
        "before => Number(document.querySelector('[data-viewport]').dataset.drawn) > before", arg=drawn
    )
    after = pane.bounding_box()
    assert before
    assert after
    assert after["width"] >= before["width"] + 349
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("2")
    expect(strip).to_have_attribute("data-score", "2")
    check(page, "folded")
    first = read_case(page, 3)
    expect(strip).to_have_attribute("data-score", "")  # the next case, still folded
    expect_saved(page)
    scores = (
        "SELECT s.value FROM annotations_score s JOIN annotations_reading r ON r.id = s.reading_id"
        " WHERE r.assignment_id = %s"
    )
    assert product.rows(scores, first) == [(3.0,)]
    page.keyboard.press("n")
    expect(page.locator(".comment textarea")).to_be_focused(timeout=LONG)
    page.keyboard.type("e")  # a letter in the note folds nothing
    expect(page.locator(".folded")).to_have_count(0)
    page.context.close()


def expect_whole_screen(page: Page, *, expected: bool) -> None:
    page.wait_for_function("expected => (document.fullscreenElement !== null) === expected", arg=expected)


def test_image_takes_the_whole_screen_and_leaving_it_brings_the_rubric_back(ramps: Product, browser: Browser) -> None:
    """However it is left: by the browser's own way, or by the key again."""
    page = open_room(browser, ramps.address, "ramps", "alone")
    strip, rubric = page.locator(".folded"), page.locator(".rubric")
    overall = page.locator('[data-criterion="overall"]')
    page.keyboard.press("e")
    expect_whole_screen(page, expected=True)
    assert page.evaluate("() => document.fullscreenElement === document.documentElement")
    expect(strip.get_by_role("status")).to_have_text("1 to answer")
    expect(rubric).to_have_count(0)
    page.keyboard.press("2")
    expect(strip.get_by_role("status")).to_have_text("Enter submits")
    page.evaluate("() => document.exitFullscreen()")
    expect_whole_screen(page, expected=False)
    expect(rubric).to_be_visible()
    expect(strip).to_have_count(0)
    expect(overall).to_have_attribute("data-score", "2")
    expect(overall.locator("input:checked")).to_be_focused()
    page.keyboard.press("e")
    expect_whole_screen(page, expected=True)
    expect(strip).to_be_visible()
    page.keyboard.press("e")
    expect_whole_screen(page, expected=False)
    expect(rubric).to_be_visible()
    expect(overall.locator("input:checked")).to_be_focused()
    page.keyboard.press("3")
    expect(overall).to_have_attribute("data-score", "3")
    assignment = read_case(page, 3)
    expect_saved(page)
    assert readings_of(ramps, assignment) == 1
    check(page, "whole-screen-left")
    page.context.close()
