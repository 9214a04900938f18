"""Repeats and calibration cases in the reading room: they look like any other; managers see what they tell."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_ramp
from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, open_page, open_room, read_case, sign_in
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
SLUG = "mixed"
PURPOSE = "SELECT purpose FROM annotations_assignment WHERE id = %s"
# Every element of the room with its attributes, but for what they hold.
SKELETON = """() => [...document.querySelectorAll('.room, .room *')]
    .filter((element) => !element.closest('canvas, .savestrip'))
    .map((element) => `${element.tagName}.${element.className}[${element.getAttributeNames().sort()}]`).join('\\n')"""


@pytest.fixture(scope="module")
def mixed(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("mixed")
    asked_for, free = (
        [file for name in names for file in new_ramp(folder, slices=3, name=name)]
        for names in (("one", "two", "three", "four", "five"), ("free", "spare"))
    )
    policy = {"repeat_share": 0.5, "repeat_distance": 1}
    furnish(product, SLUG, asked_for, readers=["ria"], overlap=1, **policy)
    product.manage("ingest", *map(str, free), "--project", SLUG)
    product.add_person("mika", SLUG, "manager")
    return product


@pytest.fixture(scope="module")
def manager(mixed: Product, browser: Browser) -> Page:
    page = open_page(browser, mixed.address)
    sign_in(page, "mika")
    return page


def test_manager_chooses_a_calibration_case(manager: Page) -> None:
    manager.goto(f"/projects/{SLUG}/settings/")
    check(manager, "settings-repeats")
    manager.get_by_role("link", name="Calibration cases").click()
    check(manager, "calibration-none")
    for name in ("free", "spare"):
        manager.get_by_role("link", name="Add a case").click()
        check(manager, "calibration-choose")
        manager.get_by_role("button", name=name).click()
        expect(manager.get_by_text("Added.")).to_be_visible()
    manager.get_by_role("listitem").filter(has_text="spare").get_by_role("button").click()
    expect(manager.get_by_text("Taken out.")).to_be_visible()
    expect(manager.locator(".thumbnails li")).to_have_count(1)
    expect(manager.locator(".thumbnails li")).to_contain_text("Read by 0 of 1")


def test_reader_can_tell_neither_repeat_nor_calibration_case(mixed: Product, browser: Browser, manager: Page) -> None:
    page = open_room(browser, mixed.address, SLUG, "ria")
    counts, mark = page.locator(".topbar-counts"), page.locator('[data-action="bookmark"]')
    left, looks = int(counts.get_attribute("data-open-count") or 0), dict[str, list[str]]()
    assert left == 8  # five and one; and half of the five that will have another after them
    for number in range(left, 0, -1):
        expect(counts).to_have_attribute("data-open-count", str(number))
        assignment = case_on_screen(page)
        expect(mark).to_have_attribute("aria-pressed", "false")
        page.wait_for_function("() => document.activeElement?.closest('.criterion') !== null")
        looks.setdefault(mixed.value(PURPOSE, assignment), []).append(page.evaluate(SKELETON))
        page.keyboard.press("b")
        expect(mark).to_have_attribute("aria-pressed", "true")
        read_case(page, number % 4)
        expect_saved(page)
    expect(page.locator('.room[data-phase="empty"]')).to_be_visible(timeout=LONG)
    check(page, "mixed-all-read")
    page.context.close()
    assert {purpose: len(found) for purpose, found in looks.items()} == {"random": 5, "calibration": 1, "repeat": 2}
    assert len({look for found in looks.values() for look in found}) == 1


def test_manager_sees_how_the_reader_agrees_with_themselves(mixed: Product, manager: Page) -> None:
    manager.goto(f"/projects/{SLUG}/")
    expect(manager.get_by_text("2 cases were read twice by the same reader")).to_be_visible()
    line = manager.locator('[data-criterion="overall"] [data-agreement-of="ria"] td')
    expect(line).to_have_count(6)
    expect(line.nth(3)).to_have_text("2")
    check(manager, "repeats-told")
    manager.goto(f"/projects/{SLUG}/calibration/")
    expect(manager.locator(".thumbnails li")).to_contain_text("Read by 1 of 1")
    check(manager, "calibration-read")
    manager.context.close()
