"""Hand on the keyboard: each key's effect on the pixels, on the page or in the database."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, expect

from annotations.dicom.frames import decode_frames, frame_format, to_modality_units
from annotations.dicom.windows import Window, apply_window
from tests.e2e.pages import (
    LONG,
    canvas_at,
    case_on_screen,
    check,
    drag,
    expect_focus_on_criteria,
    expect_saved,
    lose_the_network,
    open_page,
    press,
    read_case,
    sign_in,
    viewport,
)
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
SCORES = """SELECT s.value, r.supersedes_id IS NOT NULL FROM annotations_reading r
    JOIN annotations_score s ON s.reading_id = r.id WHERE r.assignment_id = %s ORDER BY r.submitted_at"""


@pytest.fixture(scope="module")
def stack(image_files: list[Path]) -> list[pydicom.Dataset]:
    slices = [pydicom.dcmread(file) for file in image_files if "UB_5mm" in str(file)]
    return sorted(slices, key=lambda dataset: float(dataset.ImagePositionPatient[2]))


@pytest.fixture(scope="module")
def hand(product: Product, image_files: list[Path]) -> Product:
    wanted = [file for file in image_files if "UB_5mm" in str(file) or "repeat_SNR" in str(file)]
    wanted += [file for file in image_files if file.name in ("693_UNCI.dcm", "RG3_J2KR.dcm", "OBXXXX1A_rle.dcm")]
    furnish(product, "hand", wanted, readers=[f"hand{number}" for number in range(6)], overlap=6)
    return product


@pytest.fixture
def page(hand: Product, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Each test by its own reader, so that each begins with the same first case: the stack."""
    page = open_page(browser, hand.address)
    reader = request.param if hasattr(request, "param") else "hand0"
    sign_in(page, reader)
    page.goto("/projects/hand/read/")
    case_on_screen(page)
    yield page
    page.context.close()


def by(reader: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", [reader], indirect=True)


def values_of(page: Page, stack: list[pydicom.Dataset]) -> NDArray[np.float32]:
    """The shown slice in Hounsfield units."""
    dataset = stack[int(viewport(page, "slice-index"))]
    stored = frame_format(dataset)
    return to_modality_units(next(decode_frames(dataset, stored)), stored)


def expect_pixels(page: Page, expected: NDArray[np.uint8]) -> None:
    shown, points = canvas_at(page, expected.shape)
    differences = [abs(int(expected[row, column]) - int(shown[y, x])) for row, column, x, y in points]
    assert np.median(differences) <= 2
    assert np.percentile(differences, 90) <= 16  # interpolation between pixels, at edges


def point(page: Page, row: int, column: int, shape: tuple[int, ...]) -> tuple[float, float]:
    """Where on the page the middle of an image pixel is drawn, upright."""
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    zoom, pan = float(viewport(page, "zoom")), [float(part) for part in viewport(page, "pan").split(",")]
    x = box["x"] + box["width"] / 2 + pan[0] + (column - (shape[1] - 1) / 2) * zoom
    y = box["y"] + box["height"] / 2 + pan[1] + (row - (shape[0] - 1) / 2) * zoom
    return x, y


def layer(page: Page) -> Locator:
    return page.locator("[data-pointing]")


def stored(product: Product, statement: str, *values: object) -> Any:
    return product.rows(statement, *values)


def test_flips_rotation_and_inversion_turn_the_pixels(page: Page, stack: list[pydicom.Dataset]) -> None:
    window = Window("shown", float(viewport(page, "window-center")), float(viewport(page, "window-width")))
    upright = apply_window(values_of(page, stack), window)
    expect_pixels(page, upright)
    press(page, "h", "flipped-horizontally", "true")
    expect_pixels(page, np.fliplr(upright))
    press(page, "v", "flipped-vertically", "true")
    expect_pixels(page, np.flipud(np.fliplr(upright)))
    press(page, "r", "rotation", "90")
    expect_pixels(page, np.rot90(np.flipud(np.fliplr(upright)), k=-1))
    check(page, "hand-turned")
    for _ in range(2):  # held down: the browser says it again and again
        page.keyboard.down("i")
        expect(page.locator("[data-viewport]")).to_have_attribute("data-inverted", "true")
    page.keyboard.up("i")
    expect_pixels(page, 255 - np.rot90(np.flipud(np.fliplr(upright)), k=-1))
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-rotation", "90")
    page.keyboard.press("ArrowUp")
    press(page, " ", "rotation", "0")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-flipped-horizontally", "false")
    expect_pixels(page, upright)
    expect_focus_on_criteria(page)


def test_page_keys_and_presets(page: Page) -> None:
    last = int(viewport(page, "slice-count")) - 1
    press(page, "Home", "slice-index", "0")
    press(page, "PageDown", "slice-index", str(min(10, last)))
    press(page, "PageUp", "slice-index", "0")
    names = page.locator("[data-preset] span").all_inner_texts()
    assert names[:5] == ["Brain", "Lung", "Bone", "Soft tissue", "Liver"]  # whatever window the header has
    for place, width in enumerate(("80", "1500", "1800", "400", "160"), start=1):
        press(page, f"Shift+Digit{place}", "window-width", width)
    expect_focus_on_criteria(page)


@by("hand1")
def test_submission_is_undone_and_superseded(page: Page, hand: Product) -> None:
    assignment = read_case(page, 1)
    expect_saved(page)
    expect(page.locator("[data-notice=room]")).to_have_text(re.compile(r"^U opens it again until \d\d:\d\d$"))
    following = viewport(page, "assignment")
    press(page, "u", "assignment", assignment)
    assert case_on_screen(page) == assignment
    overall = page.locator('[data-criterion="overall"]')
    expect(overall).to_have_attribute("data-score", "1")
    check(page, "hand-undo")
    assert stored(hand, SCORES, assignment) == [(1.0, False)]
    page.keyboard.press("3")
    expect(overall).to_have_attribute("data-score", "3")
    press(page, "Enter", "assignment", following)
    expect_saved(page)
    assert stored(hand, SCORES, assignment) == [(1.0, False), (3.0, True)]
    # After a reload as well, from the server.
    page.reload()
    assert case_on_screen(page) == following
    press(page, "u", "assignment", assignment)
    expect(overall).to_have_attribute("data-score", "3")


@by("hand1")
def test_undo_of_a_submission_that_waits_for_the_network(page: Page, hand: Product) -> None:
    lose_the_network(page)
    assignment = read_case(page, 4)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "waiting")
    press(page, "u", "assignment", assignment)
    assert case_on_screen(page) == assignment  # nothing is submitted of an image that is not on the screen
    page.keyboard.press("2")
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "2")
    page.keyboard.press("Enter")
    expect(page.locator("[data-waiting]")).to_have_attribute("data-waiting", "2")
    page.context.set_offline(False)
    expect(page.locator("[data-waiting]")).to_have_attribute("data-waiting", "0", timeout=LONG)
    expect_saved(page)
    assert stored(hand, SCORES, assignment) == [(4.0, False), (2.0, True)]


@by("hand2")
def test_bookmark_is_stored_listed_and_removed(page: Page, hand: Product) -> None:
    count = (
        "SELECT count(*) FROM annotations_bookmark b JOIN annotations_user u ON u.id = b.user_id WHERE username = %s"
    )
    button = page.locator('[data-action="bookmark"]')
    page.keyboard.press("b")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert hand.value(count, "hand2") == 1
    page.keyboard.press("l")
    expect(page.locator("dialog[open] [data-bookmark]")).to_have_count(1)
    page.wait_for_function("() => document.querySelector('dialog[open] [data-bookmark] img').naturalWidth > 0")
    check(page, "hand-bookmarks")
    page.keyboard.press("Escape")
    expect_focus_on_criteria(page)
    page.reload()
    case_on_screen(page)
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("b")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert hand.value(count, "hand2") == 0


@by("hand2")
def test_note_and_findings_are_stored_with_slice_and_place(page: Page, hand: Product, stack: list[Any]) -> None:
    shape = (stack[0].Rows, stack[0].Columns)
    page.keyboard.press("n")
    page.keyboard.type("Is 3 slices late?")
    page.keyboard.press("Escape")
    expect_focus_on_criteria(page)
    press(page, "Home", "slice-index", "0")
    page.keyboard.press("f")
    expect(layer(page)).to_have_attribute("data-pointing", "mark")
    page.mouse.click(*point(page, 200, 300, shape))
    expect(page.locator('[data-mark="1"]')).to_have_attribute("data-shape", "point")
    page.locator('[data-finding="1"] select').select_option("Motion")
    expect_focus_on_criteria(page)
    press(page, "End", "slice-index", str(len(stack) - 1))
    expect(page.locator("[data-mark]")).to_have_count(0)
    page.keyboard.press("f")
    drag(page, point(page, 240, 160, shape), point(page, 300, 280, shape))
    expect(page.locator('[data-mark="2"]')).to_have_attribute("data-shape", "box")
    expect(page.locator('[data-finding="2"] select')).to_have_value("Motion")
    check(page, "hand-findings")
    page.locator('[data-finding="1"] button').first.click()
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "0")
    expect_focus_on_criteria(page)  # Enter submits, and does not go there again
    assignment = read_case(page, 2)
    expect_saved(page)
    assert stored(hand, "SELECT comment FROM annotations_reading WHERE assignment_id = %s", assignment) == [
        ("Is 3 slices late?",)
    ]
    places = stored(
        hand,
        "SELECT type, slice_index, x, y, width, height FROM annotations_finding f JOIN annotations_reading r "
        "ON r.id = f.reading_id WHERE r.assignment_id = %s ORDER BY slice_index",
        assignment,
    )
    near = [
        ("Motion", 0, 300, 200, None, None),
        ("Motion", len(stack) - 1, 160, 240, 120, 60),
    ]
    for found, meant in zip(places, near, strict=True):
        assert found[:2] == meant[:2]
        assert [place for place in found[2:] if place is not None] == pytest.approx(
            [place for place in meant[2:] if place is not None], abs=1.5
        )


def test_length_and_region_are_those_of_the_file(page: Page, stack: list[pydicom.Dataset]) -> None:
    values = values_of(page, stack)
    page.keyboard.press("m")
    expect(layer(page)).to_have_attribute("data-pointing", "length")
    drag(page, point(page, 200, 200, values.shape), point(page, 280, 260, values.shape))
    length = page.locator('[data-measure="length"]')
    row_mm, column_mm = (float(one) for one in stack[0].PixelSpacing)
    said = float((length.get_attribute("data-text") or "").removesuffix(" mm"))
    assert said == pytest.approx(np.hypot(80 * row_mm, 60 * column_mm), abs=1.5 * row_mm)
    page.keyboard.press("m")
    expect(layer(page)).to_have_attribute("data-pointing", "region")
    drag(page, point(page, 230, 230, values.shape), point(page, 270, 270, values.shape))
    text = page.locator('[data-measure="region"]').get_attribute("data-text") or ""
    rows, columns = np.mgrid[: values.shape[0], : values.shape[1]]
    inside = values[((rows - 250) / 20) ** 2 + ((columns - 250) / 20) ** 2 <= 1]
    mean, deviation, pixels = (float(one) for one in re.findall(r"-?\d+\.?\d*", text))
    assert pixels == pytest.approx(inside.size, rel=0.1)
    assert mean == pytest.approx(float(inside.mean()), abs=max(4.0, 0.15 * float(inside.std())))
    assert deviation == pytest.approx(float(inside.std(ddof=1)), rel=0.15)
    check(page, "hand-measures")
    page.keyboard.press("Escape")
    expect(layer(page)).to_have_count(0)
    page.keyboard.press(" ")
    expect(page.locator("[data-measure]")).to_have_count(0)


@by("hand3")
def test_keys_and_mouse_are_changed_stored_with_the_user_and_work(page: Page, hand: Product) -> None:
    page.keyboard.press("k")
    sheet = page.locator("dialog[data-sheet=settings][open]")
    sheet.locator('[data-action-keys="invert"] button').first.click()
    page.keyboard.press("r")
    sheet.locator("[data-settings=save]").click()
    expect(sheet.locator("[data-refused=true]")).to_contain_text("would mean both")
    check(page, "hand-settings-refused")
    sheet.locator('[data-action-keys="invert"] button').first.click()
    page.keyboard.press(";")
    sheet.locator("select[name=left]").select_option("scroll")
    sheet.locator("[data-settings=save]").click()
    expect(sheet.locator("[role=alert][data-refused=false]")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect_focus_on_criteria(page)
    (chosen,) = hand.rows("SELECT reading_preferences FROM annotations_user WHERE username = 'hand3'")[0]
    assert chosen["keys"] == {"invert": [";"]}
    assert chosen["mouse"]["left"] == "scroll"
    page.reload()
    case_on_screen(page)
    press(page, ";", "inverted", "true")
    press(page, "Home", "slice-index", "0")
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    drag(page, middle, (middle[0], middle[1] + 44))
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-slice-index", "0")
    page.keyboard.press("?")
    expect(page.locator("dialog[data-sheet=help][open]")).to_contain_text("Scroll the slices")
    check(page, "hand-help")


@by("hand4")
def test_case_is_scored_by_what_a_screen_reader_finds(page: Page, hand: Product) -> None:
    """Names and roles only; the focus is on the question from the start, and the next case's after submission."""
    assignment = case_on_screen(page)
    expect_focus_on_criteria(page)
    question = page.get_by_role("group").filter(has=page.get_by_role("radio")).first
    assert question.evaluate("element => element.querySelector('legend').textContent.trim()")
    level = question.get_by_role("radio").nth(2)
    assert level.evaluate("element => element.labels[0].textContent.trim()")
    level.check()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-assignment", assignment)
    expect_saved(page)
    assert stored(hand, SCORES, assignment) == [(2.0, False)]
    case_on_screen(page)
    expect_focus_on_criteria(page)
    for key in "xibfFmmmrhvwzpsg":
        page.keyboard.press(key)
        expect_focus_on_criteria(page)


@by("hand5")
def test_what_cannot_be_judged_is_stored_with_its_reason_and_how_sure_one_is(page: Page, hand: Product) -> None:
    overall = page.locator('[data-criterion="overall"]')
    expect(page.locator(".submit-status")).to_contain_text("Still to answer: ")
    page.keyboard.press("x")
    expect(overall).to_have_attribute("data-abstention", "too_faulty")
    page.keyboard.press("x")
    expect(overall).to_have_attribute("data-abstention", "not_shown")
    expect_focus_on_criteria(page)
    reason = page.get_by_label("Why it cannot be judged")
    for chosen in ("too_faulty", "not_shown"):  # with the mouse: the next key is still the room's
        reason.focus()
        reason.select_option(chosen)
        expect(overall.locator("input:checked")).to_be_focused()
    page.keyboard.press("g")
    expect(page.locator("[data-confidence]")).to_have_attribute("data-confidence", "low")
    check(page, "hand-unjudged")
    assignment = viewport(page, "assignment")
    page.keyboard.press("Enter")
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-assignment", assignment)
    expect_saved(page)
    said = (
        "SELECT a.reason, r.confidence FROM annotations_abstention a JOIN annotations_reading r ON r.id = a.reading_id"
    )
    assert hand.rows(f"{said} WHERE r.assignment_id = %s", assignment) == [("not_shown", "low")]
    assert stored(hand, SCORES, assignment) == []


@by("hand5")
def test_what_the_display_hides_is_said_and_stored(page: Page, hand: Product) -> None:
    """A radiograph of more pixels than the screen has; the other notices are in test_notices.py."""
    notices = page.locator("[data-display-notices]")
    for _ in range(8):
        case_on_screen(page)
        if "reduced" in (notices.get_attribute("data-display-notices") or ""):
            break
        read_case(page, 2)
    expect(notices).to_have_attribute("data-display-notices", re.compile("reduced"))
    expect(notices).to_contain_text("fine detail is lost")
    check(page, "hand-reduced")
    assignment = read_case(page, 2)
    expect_saved(page)
    (state,) = hand.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    assert "reduced" in state["notices"]
    assert state["zoom"] * state["device_pixel_ratio"] < 1
    assert {"rotation", "is_flipped_horizontally", "is_flipped_vertically", "screen"} <= set(state)
