"""The reading room: right pixels, every key, and no click lost to a dead network, an ended session or a reload."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser, Page, expect

from annotations.dicom.frames import decode_frames, frame_format, to_modality_units
from annotations.dicom.windows import Window, apply_window
from tests.e2e.pages import (
    LONG,
    canvas_at,
    case_on_screen,
    check,
    expect_saved,
    lose_the_network,
    open_page,
    press,
    read_case,
    sign_in,
    viewport,
)
from tests.e2e.product import PASSWORD, Product, readings_of
from tests.e2e.rooms import furnish
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack

READERS = ("ruth", "theo")


@pytest.fixture(scope="module")
def room(product: Product, image_files: list[Path]) -> Product:
    wanted = [file for file in image_files if "UB_5mm" in str(file) or "repeat_SNR" in str(file)]
    wanted += [file for file in image_files if file.name in ("693_UNCI.dcm", "RG3_J2KR.dcm", "OBXXXX1A_rle.dcm")]
    furnish(product, "room", wanted, readers=READERS)
    return product


@pytest.fixture
def page(room: Product, browser: Browser) -> Iterator[Page]:
    page = open_page(browser, room.address)
    sign_in(page, "ruth")
    page.goto("/projects/room/read/")
    case_on_screen(page)
    yield page
    page.context.close()


def test_stack_opens_in_its_middle_with_the_headers_window_and_right_pixels(
    page: Page, image_files: list[Path]
) -> None:
    """The canvas is compared with pixels that Python computes from the original file."""
    stack = sorted(
        (pydicom.dcmread(file) for file in image_files if "UB_5mm" in str(file)),
        key=lambda dataset: float(dataset.ImagePositionPatient[2]),
    )
    index = int(viewport(page, "slice-index"))
    assert int(viewport(page, "slice-count")) == len(stack)
    assert index == (len(stack) - 1) // 2
    dataset = stack[index]
    layout = frame_format(dataset)
    window = Window("header", float(viewport(page, "window-center")), float(viewport(page, "window-width")))
    assert window.center == first(dataset.WindowCenter)
    assert window.width == first(dataset.WindowWidth)
    expected = apply_window(to_modality_units(next(decode_frames(dataset, layout)), layout), window)
    shown, points = canvas_at(page, expected.shape)
    differences = [abs(int(expected[row, column]) - int(shown[y, x])) for row, column, x, y in points]
    assert np.median(differences) <= 2
    assert np.percentile(differences, 95) <= 12  # interpolation between pixels, at edges


def first(value: object) -> float:
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)  # type: ignore[arg-type]


def test_keys_scroll_window_invert_reset_and_help(page: Page) -> None:
    middle = int(viewport(page, "slice-index"))
    press(page, "ArrowDown", "slice-index", str(middle + 1))
    press(page, "ArrowUp", "slice-index", str(middle))
    press(page, "Home", "slice-index", "0")
    press(page, "End", "slice-index", str(int(viewport(page, "slice-count")) - 1))
    width = viewport(page, "window-width")
    press(page, "i", "inverted", "true")
    page.keyboard.press("Shift+Digit2")
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-window-width", width)
    check(page, "room-preset-inverted")
    press(page, " ", "window-width", width)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-inverted", "false")
    press(page, "c", "cine", "true")
    press(page, "c", "cine", "false")
    page.keyboard.press("?")
    expect(page.locator("dialog.sheet[open]")).to_be_visible()
    check(page, "room-keys")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.sheet[open]")).to_have_count(0)


def test_mouse_windows_and_scrolls(page: Page) -> None:
    page.keyboard.press("Home")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "0")
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 120)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "1")
    width = viewport(page, "window-width")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 80, box["y"] + box["height"] / 2 + 20, steps=4)
    page.mouse.up()
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-window-width", width)


def test_enter_without_a_score_says_what_is_missing_and_sends_nothing(page: Page, room: Product) -> None:
    assignment = case_on_screen(page)
    page.keyboard.press("Enter")
    expect(page.locator(".submit[data-missing]")).not_to_have_attribute("data-missing", "0")
    assert readings_of(room, assignment) == 0


def test_scores_survive_a_reload(page: Page) -> None:
    assignment = case_on_screen(page)
    page.keyboard.press("3")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "3")
    page.reload()
    assert case_on_screen(page) == assignment
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "3")


def test_reading_is_kept_while_the_network_is_gone_and_sent_once(page: Page, room: Product) -> None:
    case_on_screen(page)
    lose_the_network(page)
    assignment = read_case(page, 2)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "waiting")
    check(page, "room-offline")
    assert readings_of(room, assignment) == 0
    page.context.set_offline(False)
    expect_saved(page)
    assert readings_of(room, assignment) == 1


def test_reading_kept_offline_survives_a_closed_page(page: Page, room: Product) -> None:
    case_on_screen(page)
    lose_the_network(page)
    assignment = read_case(page, 1)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "waiting")
    page.close()
    assert readings_of(room, assignment) == 0
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto("/projects/room/read/")
    eventually(lambda: readings_of(room, assignment) == 1, seconds=60, what="the kept reading stored")


def test_ended_session_asks_for_the_password_in_place_and_loses_nothing(page: Page, room: Product) -> None:
    case_on_screen(page)
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] != "mediqa_session"]
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.keyboard.press("4")
    assignment = viewport(page, "assignment")
    page.keyboard.press("Enter")
    dialog = page.locator('dialog[data-dialog="sign-in"][open]')
    expect(dialog).to_be_visible(timeout=LONG)
    check(page, "room-sign-in")
    assert readings_of(room, assignment) == 0
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(dialog.locator("input[name=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect_saved(page)
    assert readings_of(room, assignment) == 1


def test_pressing_enter_twice_submits_once(page: Page, room: Product) -> None:
    assignment = case_on_screen(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect_saved(page)
    assert readings_of(room, assignment) == 1


def test_lost_acknowledgement_is_asked_for_again_and_stored_once(page: Page, room: Product) -> None:
    """The server stores the reading, the answer never arrives."""
    case_on_screen(page)
    lost = []

    def lose_first_answer(route) -> None:  # type: ignore[no-untyped-def]
        if lost:
            route.continue_()
            return
        route.fetch()
        lost.append(route.request.url)
        route.abort()

    page.route("**/readings/", lose_first_answer)
    assignment = read_case(page, 3)
    expect_saved(page)
    assert lost
    assert readings_of(room, assignment) == 1


def test_display_state_and_time_are_stored_with_the_reading(page: Page, room: Product) -> None:
    page.keyboard.press("i")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-inverted", "true")
    assignment = read_case(page, 2)
    expect_saved(page)
    state, active, wall = room.rows(
        "SELECT display_state, active_seconds, wall_seconds FROM annotations_reading WHERE assignment_id = %s",
        assignment,
    )[0]
    assert state["is_inverted"] is True
    assert {"slice_index", "window_center", "window_width", "zoom", "viewport", "software_version"} <= set(state)
    assert 0 < active <= wall


def test_two_readers_never_have_the_same_assignment(room: Product, browser: Browser) -> None:
    taken = []
    for username in READERS:
        page = open_page(browser, room.address)
        sign_in(page, username)
        page.goto("/projects/room/read/")
        taken.append(case_on_screen(page))
        page.context.close()
    assert taken[0] != taken[1]


def test_room_without_webgl_draws_on_the_processor(room: Product, browser: Browser) -> None:
    page = open_page(browser, room.address)
    sign_in(page, "theo")
    page.goto("/projects/room/read/?rendering=cpu")
    case_on_screen(page)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-rendering", "cpu")
    check(page, "room-cpu")
    page.context.close()
