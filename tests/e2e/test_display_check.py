"""The test of the screen, taken as a person takes it: from what is on the screen, and with the arrow keys."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect

from annotations.services.display_checks import FIELDS
from tests.e2e.pages import LONG, check, expect_saved, open_page, read_case, sign_in
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
KEYS = ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft")
ASK_DAILY = """
from annotations.models import Project
Project.objects.filter(slug="screens").update(display_check_policy="daily")
"""


def places(page: Page) -> list[NDArray[np.int16]]:
    """The screen's pixels where something may lie: up, right, down, left."""
    shot = page.locator(".check-pattern").screenshot()
    shown = np.asarray(Picture.open(io.BytesIO(shot)).convert("L"), np.int16)
    size, half = shown.shape[0], round(shown.shape[0] * 0.05)
    centres = [(0.2, 0.5), (0.5, 0.8), (0.8, 0.5), (0.5, 0.2)]
    boxes = [(round(row * size), round(column * size)) for row, column in centres]
    return [shown[row - half : row + half, column - half : column + half] for row, column in boxes]


def seen(kind: str, parts: list[NDArray[np.int16]]) -> int:
    """Which of the four is unlike the others, as an eye would say: by its grey, or by the way its lines run."""
    if kind == "grey":
        greys = [float(part.mean()) for part in parts]
        return int(np.argmax(np.abs(np.array(greys) - np.median(greys))))
    across = [float(np.abs(np.diff(part, axis=1)).mean()) for part in parts]
    assert sorted(across)[-2] == 0, "level lines do not change along their rows: they are drawn pixel by pixel"
    return int(np.argmax(across))


def answer_all(page: Page, *, blindly: bool = False) -> None:
    for number, field in enumerate(FIELDS):
        expect(page.locator("[data-check=asking]")).to_have_attribute("data-field", str(number))
        page.keyboard.press("Space" if blindly else KEYS[seen(field.kind, places(page))])


def test_screen_is_tested_before_the_first_case_of_the_day(
    product: Product, browser: Browser, image_files: list[Path]
) -> None:
    furnish(product, "screens", [file for file in image_files if "UB_5mm" in str(file)], readers=["eye"])
    product.manage("shell", "--no-imports", "-c", ASK_DAILY)
    page = open_page(browser, product.address)
    sign_in(page, "eye")
    page.goto("/projects/screens/read/")
    expect(page.get_by_role("heading", name="Test of the screen")).to_be_visible()
    check(page, "display-check")
    answer_all(page, blindly=True)
    expect(page.locator("[data-check=failed]")).to_be_visible(timeout=LONG)
    check(page, "display-check-failed")
    page.get_by_role("button", name="Test it again").click()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Backspace")  # a slip, taken back
    answer_all(page)
    expect(page.locator("[data-check=passed]")).to_be_visible(timeout=LONG)
    check(page, "display-check-passed")
    page.get_by_role("link", name="Go on").click()
    assignment = read_case(page, 3)
    expect_saved(page)
    stored = product.rows("SELECT id, has_passed, answers FROM annotations_displaycheck ORDER BY checked_at")
    assert [passed for _, passed, _ in stored] == [False, True]
    assert {answer["seen"] for answer in stored[0][2]} == {""}
    assert all(answer["seen"] == answer["shown"] for answer in stored[1][2])
    states = "SELECT display_state FROM annotations_reading WHERE assignment_id = %s"
    ((state,),) = product.rows(states, assignment)
    assert state["display_check"] == str(stored[1][0])
    assert "failed_check" not in state["notices"]
    page.context.close()


def test_screen_that_did_not_pass_is_named_beside_the_image_and_in_the_reading(
    product: Product, browser: Browser, image_files: list[Path]
) -> None:
    furnish(product, "dim", [file for file in image_files if "UB_5mm" in str(file)], readers=["owl"])
    page = open_page(browser, product.address)
    sign_in(page, "owl")
    page.goto("/display-check/?project=dim")
    answer_all(page, blindly=True)
    expect(page.locator("[data-check=failed]")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Go on").click()
    expect(page.locator('[data-display-notices~="failed_check"]')).to_be_visible(timeout=LONG)
    assignment = read_case(page, 2)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert "failed_check" in state["notices"]
    page.context.close()
