"""A disk that is full, a clock that is wrong, an answer that is late: what the reader is told, and what is stored."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.e2e.pages import (
    LONG,
    NEXT_IS_THERE,
    case_on_screen,
    check,
    expect_saved,
    lose_the_network,
    open_page,
    open_room,
    press,
    read_case,
    score,
    sign_in,
    viewport,
)
from tests.e2e.product import Product, readings_of
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack
ROOM = "/projects/ramps/read/"
TAB_ONLY = "kept in this tab only"
STORED = (
    "SELECT s.value, r.active_seconds, r.wall_seconds, r.submitted_at FROM annotations_reading r "
    "JOIN annotations_score s ON s.reading_id = r.id WHERE r.assignment_id = %s ORDER BY r.submitted_at"
)
CORRECTIONS = (
    "SELECT s.value, r.supersedes_id IS NOT NULL FROM annotations_reading r "
    "JOIN annotations_score s ON s.reading_id = r.id WHERE r.assignment_id = %s ORDER BY r.submitted_at"
)
# What the browser says when something is put on its disk.
PUT = """() => new Promise((resolve) => {
  const opening = indexedDB.open('probe');
  opening.onupgradeneeded = () => opening.result.createObjectStore('kept');
  opening.onerror = () => resolve(opening.error.name);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('kept', 'readwrite');
    transaction.oncomplete = () => resolve('stored');
    transaction.onabort = () => resolve(transaction.error.name);
    transaction.objectStore('kept').put('x'.repeat(1000), 'key');
  };
})"""


def signed_in(browser: Browser, product: Product, username: str) -> Page:
    page = open_page(browser, product.address)
    sign_in(page, username)
    return page


def fill_disk(page: Page, address: str) -> None:
    page.context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", {"origin": address, "quotaSize": 1})


def test_full_disk_is_said_and_the_reading_reaches_the_server(ramps: Product, browser: Browser) -> None:
    page = signed_in(browser, ramps, "disk")
    fill_disk(page, ramps.address)
    page.goto(ROOM)
    case_on_screen(page)
    assert page.evaluate(PUT) == "QuotaExceededError"
    page.wait_for_function(NEXT_IS_THERE)
    said = page.locator("[data-save-state]").get_by_role("status").first
    page.context.set_offline(True)
    score(page, 4)
    expect(said).to_have_text(f"Draft waiting for the network, {TAB_ONLY}", timeout=LONG)
    assignment = read_case(page, 3)
    expect(said).to_have_text(f"1 waiting for the network, {TAB_ONLY}", timeout=LONG)
    check(page, "device-full-disk")
    assert readings_of(ramps, assignment) == 0
    page.context.set_offline(False)
    expect_saved(page)
    expect(said).not_to_contain_text(TAB_ONLY)
    assert ramps.rows(CORRECTIONS, assignment) == [(3.0, False)]
    assert page.errors == []  # type: ignore[attr-defined]
    page.context.close()


def stored_once(product: Product, assignment: str) -> dict[str, Any]:
    ((value, active, wall, submitted_at),) = product.rows(STORED, assignment)
    return {"value": value, "active": active, "wall": wall, "submitted_at": submitted_at}


@pytest.mark.parametrize(("username", "hours"), [("fast", 7), ("slow", -7)])
def test_clock_that_is_hours_wrong_changes_nothing_that_is_stored(
    ramps: Product, browser: Browser, username: str, hours: int
) -> None:
    page = signed_in(browser, ramps, username)
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    page.clock.install(time=wrong)
    began_at, began = datetime.now(UTC), time.monotonic()
    page.goto(ROOM)
    assignment = read_case(page, 2)
    expect_saved(page)
    passed = time.monotonic() - began
    assert abs(page.evaluate("Date.now()") / 1000 - wrong.timestamp()) < 3600  # the page does live by it
    stored = stored_once(ramps, assignment)
    assert stored["value"] == 2
    assert 0 < stored["active"] <= stored["wall"] <= passed
    assert began_at <= stored["submitted_at"] <= datetime.now(UTC)
    expect(page.locator(".topbar-counts")).to_have_attribute("data-done-count", "1")
    page.context.close()


def test_clock_set_back_during_a_case_leaves_its_times_sane(ramps: Product, browser: Browser) -> None:
    page = signed_in(browser, ramps, "turned")
    began = time.monotonic()
    page.clock.install(time=datetime.now(UTC))
    page.goto(ROOM)
    case_on_screen(page)
    page.clock.set_system_time(datetime.now(UTC) - timedelta(hours=3))
    assignment = read_case(page, 1)
    expect_saved(page)
    stored = stored_once(ramps, assignment)
    assert 0 < stored["active"] <= stored["wall"] <= time.monotonic() - began
    page.clock.set_system_time(datetime.now(UTC) + timedelta(days=800))
    following = read_case(page, 2)
    expect_saved(page)
    stored = stored_once(ramps, following)
    assert 0 < stored["active"] <= time.monotonic() - began
    assert stored["active"] <= stored["wall"] <= 366 * 24 * 3600
    expect(page.locator(".topbar-counts")).to_have_attribute("data-done-count", "2")
    page.context.close()


def test_clock_set_back_lets_no_correction_overtake_what_it_corrects(ramps: Product, browser: Browser) -> None:
    page = signed_in(browser, ramps, "queued")
    page.clock.install(time=datetime.now(UTC))
    page.goto(ROOM)
    case_on_screen(page)
    lose_the_network(page)
    assignment = read_case(page, 4)
    page.clock.set_system_time(datetime.now(UTC) - timedelta(hours=2))
    press(page, "u", "assignment", assignment)
    assert case_on_screen(page) == assignment
    score(page, 2)
    page.keyboard.press("Enter")
    waiting = page.locator("[data-waiting]")
    expect(waiting).to_have_attribute("data-waiting", "2")
    expect(waiting.get_by_role("status").first).to_have_text("2 waiting for the network")
    page.context.set_offline(False)
    expect(waiting).to_have_attribute("data-waiting", "0", timeout=LONG)
    expect_saved(page)
    assert ramps.rows(CORRECTIONS, assignment) == [(4.0, False), (2.0, True)]
    page.context.close()


def is_draft_stored(response: Response) -> bool:
    return response.request.method == "PUT" and response.url.endswith("/draft/")


def test_count_moves_with_the_servers_answer_and_not_before(ramps: Product, browser: Browser) -> None:
    page = open_room(browser, ramps.address, "ramps", "late")
    counts, strip = page.locator(".topbar-counts"), page.locator("[data-save-state]")
    expect(counts).to_have_attribute("data-done-count", "0")
    opened = counts.get_attribute("data-open-count")
    held = []

    def hold(route: Route) -> None:
        held.append((route, route.fetch()))

    page.route("**/readings/", hold)
    assignment = read_case(page, 3)
    eventually(lambda: page.evaluate("true") and held, seconds=60, what="the answer held back")
    assert readings_of(ramps, assignment) == 1
    expect(strip).to_have_attribute("data-save-state", "sending")
    with page.expect_response(is_draft_stored, timeout=LONG) as answered:
        score(page, 1)  # of the next case: what is asked later is answered
    assert answered.value.ok
    expect(strip).to_have_text(re.compile("^Sending 1"))
    assert counts.get_attribute("data-done-count") == "0"
    assert counts.get_attribute("data-open-count") == opened
    ((route, response),) = held
    route.fulfill(response=response)
    expect(counts).to_have_attribute("data-done-count", "1")
    expect(counts).to_have_attribute("data-open-count", str(int(opened or 0) - 1))
    expect(strip).to_have_attribute("data-waiting", "0")
    assert viewport(page, "assignment") != assignment
    assert readings_of(ramps, assignment) == 1
    page.context.close()
