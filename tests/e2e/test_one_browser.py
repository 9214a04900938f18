"""One browser with two tabs, or with two people: nothing is lost, and nothing is stored under another's name."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_ramp
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    expect_saved,
    expect_score,
    look_at,
    open_room,
    read_case,
    score,
    sign_in,
    watched,
)
from tests.e2e.product import PASSWORD, Product, readings_of
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
ROOM = "/projects/desk/read/"
READERS_OF = (
    "SELECT u.username FROM annotations_reading r JOIN annotations_user u ON u.id = r.reader_id "
    "JOIN annotations_project p ON p.id = r.project_id WHERE p.slug = 'desk'"
)


@pytest.fixture(scope="module")
def room(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("desk")
    files = [file for name in ("a", "b", "c") for file in new_ramp(folder, slices=3, name=name)]
    furnish(product, "desk", files, readers=("anna", "bert", "tabs"), overlap=3)
    return product


@pytest.fixture
def anna(room: Product, browser: Browser) -> Iterator[Page]:
    page = open_room(browser, room.address, "desk", "anna")
    yield page
    page.context.close()


def test_what_was_scored_in_one_tab_without_a_network_outlasts_the_other(room: Product, browser: Browser) -> None:
    first = open_room(browser, room.address, "desk", "tabs")
    assignment = case_on_screen(first)
    second = watched(first.context.new_page())
    second.goto(ROOM)
    assert case_on_screen(second) == assignment
    first.context.set_offline(True)
    score(second, 4)
    second.close()
    look_at(first)
    first.close()
    context = first.context
    context.set_offline(False)
    again = watched(context.new_page())
    again.goto(ROOM)
    assert case_on_screen(again) == assignment
    expect_score(again, 4)
    context.close()


def test_room_of_one_person_stores_nothing_while_another_is_signed_in(anna: Page, room: Product) -> None:
    case_on_screen(anna)
    held = anna.locator("[data-viewport]").get_attribute("data-assignment")
    tab = watched(anna.context.new_page())
    tab.context.clear_cookies(name="mediqa_session")
    sign_in(tab, "bert")
    tab.goto(ROOM)
    read_case(tab, 2)
    expect_saved(tab)
    tab.close()
    look_at(anna)
    anna.evaluate("dispatchEvent(new Event('online'))")
    dialog = anna.locator('dialog[data-dialog="sign-in"][open]')
    expect(dialog).to_be_visible(timeout=LONG)
    assert anna.locator("[data-viewport]").get_attribute("data-assignment") == held
    dialog.locator("input[name=password]").fill(PASSWORD)
    anna.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assignment = read_case(anna, 3)
    expect_saved(anna)
    assert assignment == held
    assert readings_of(room, assignment) == 1
    assert sorted(room.rows(READERS_OF)) == [("anna",), ("bert",)]
