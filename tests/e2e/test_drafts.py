"""No lost click: one reader at two tabs and two devices, the back button, a closed laptop, an ended session."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, expect_score, look_at, open_page, score, sign_in
from tests.e2e.product import Product, readings_of
from tests.e2e.rooms import furnish
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack
ROOM = "/projects/drafts/read/"


@pytest.fixture(scope="module")
def room(product: Product, image_files: list[Path]) -> Product:
    names = ("693_UNCI.dcm", "RG3_J2KR.dcm", "OBXXXX1A_rle.dcm")
    wanted = [file for file in image_files if file.name in names]
    furnish(product, "drafts", wanted, readers=("dora",), overlap=1)
    return product


@pytest.fixture
def page(room: Product, browser: Browser) -> Iterator[Page]:
    page = at_a_device(room, browser)
    yield page
    page.context.close()


def at_a_device(room: Product, browser: Browser) -> Page:
    page = open_page(browser, room.address)
    sign_in(page, "dora")
    page.goto(ROOM)
    case_on_screen(page)
    return page


def expect_draft_saved(page: Page) -> None:
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "draft-saved", timeout=LONG)


def stored_score(room: Product, assignment: str) -> float | None:
    statement = "SELECT content->'scores'->'overall' FROM annotations_draft WHERE assignment_id = %s"
    rows = room.rows(statement, assignment)
    return float(rows[0][0]) if rows and rows[0][0] is not None else None


def test_second_device_goes_on_where_the_first_stopped_and_the_back_button_loses_nothing(
    page: Page, room: Product, browser: Browser
) -> None:
    assignment = case_on_screen(page)
    score(page, 3)
    expect_draft_saved(page)
    check(page, "room-draft-saved")
    assert stored_score(room, assignment) == 3
    assert readings_of(room, assignment) == 0
    other = at_a_device(room, browser)
    assert case_on_screen(other) == assignment
    expect_score(other, 3)
    score(other, 1)
    eventually(lambda: stored_score(room, assignment) == 1, seconds=60, what="the second device's edit stored")
    look_at(page)
    expect_score(page, 1)
    page.goto("/")
    page.go_back()
    assert case_on_screen(page) == assignment
    expect_score(page, 1)
    other.context.close()


def test_laptop_closed_without_a_network_goes_on_with_what_it_had(page: Page, room: Product) -> None:
    assignment = case_on_screen(page)
    score(page, 3)
    expect_draft_saved(page)  # what the server had has come: with more edits behind it, it would stand
    page.context.set_offline(True)
    score(page, 4)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "draft-waiting", timeout=LONG)
    check(page, "room-draft-waiting")
    assert stored_score(room, assignment) != 4
    page.close()
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(ROOM)
    assert case_on_screen(again) == assignment
    expect_score(again, 4)
    eventually(lambda: stored_score(room, assignment) == 4, seconds=60, what="the draft stored")


def test_case_submitted_in_one_tab_leaves_the_other_and_is_one_reading(page: Page, room: Product) -> None:
    assignment = case_on_screen(page)
    other = page.context.new_page()
    other.goto(ROOM)
    assert case_on_screen(other) == assignment
    score(page, 2)
    page.keyboard.press("Enter")
    expect_saved(page)
    look_at(other)
    expect(other.locator(f'[data-viewport][data-assignment="{assignment}"]')).to_have_count(0, timeout=LONG)
    expect(other.locator('[data-notice="room"]')).to_contain_text("submitted in another window")
    other.screenshot(path=Path(__file__).resolve().parents[1] / "output" / "room-submitted-elsewhere.png")
    assert readings_of(room, assignment) == 1
    assert stored_score(room, assignment) is None


def test_case_begun_on_one_device_and_submitted_on_another_has_the_times_of_both(
    room: Product, browser: Browser
) -> None:
    desk = open_page(browser, room.address)
    desk.clock.install(time=datetime.now(UTC))
    sign_in(desk, "dora")
    desk.goto(ROOM)
    assignment = case_on_screen(desk)
    desk.clock.fast_forward(50_000)
    score(desk, 2)
    eventually(lambda: stored_score(room, assignment) == 2, seconds=60, what="the first device's edit stored")
    tablet = at_a_device(room, browser)
    assert case_on_screen(tablet) == assignment
    expect_score(tablet, 2)
    tablet.keyboard.press("Enter")
    expect_saved(tablet)
    times = "SELECT active_seconds, wall_seconds FROM annotations_reading WHERE assignment_id = %s"
    ((active, wall),) = room.rows(times, assignment)
    assert 50 <= active <= wall
    for device in (desk, tablet):
        device.context.close()
