"""What people do in the browser. Every step waits for an effect on the page, never for time to pass."""

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect

from tests.e2e.axe import violations
from tests.e2e.product import PASSWORD

Place = tuple[float, float]
OUTPUT = Path(__file__).resolve().parents[1] / "output"
LONG = 180_000  # ms, for work on a busy machine
# More is decoded than the open case has.
NEXT_IS_THERE = """() => {
  const element = document.querySelector('[data-viewport]');
  return element.inspect().held.decoded > Number(element.dataset.sliceCount);
}"""


def open_page(browser: Browser, address: str, **context: Any) -> Page:
    """A fresh person at a fresh computer, of which `context` may say more."""
    screen = {"viewport": {"width": 1440, "height": 900}} | context
    return watched(browser.new_context(base_url=address, **screen).new_page())


def watched(page: Page) -> Page:
    """Any error in the page's scripts, or a breach of the content security policy, fails the test at `check`."""
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda message: _note(page, message.text))
    return page


def _note(page: Page, text: str) -> None:
    if "Content Security Policy" in text:
        page.errors.append(text)  # type: ignore[attr-defined]


def check(page: Page, name: str) -> None:
    """Keep a picture of the page; fail on what its scripts complained of, and on any breach of WCAG 2.2 AA."""
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")
    assert page.errors == [], page.errors  # type: ignore[attr-defined]
    broken = violations(page)
    assert broken == [], "\n".join(broken)


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def open_room(browser: Browser, address: str, project: str, username: str, **context: Any) -> Page:
    """The reading room of a fresh person, with a case on the screen."""
    page = open_page(browser, address, **context)
    sign_in(page, username)
    page.goto(f"/projects/{project}/read/")
    case_on_screen(page)
    return page


def case_on_screen(page: Page) -> str:
    """Wait until a case is drawn; return its Assignment."""
    viewport = page.locator('[data-viewport][data-state="rendered"]')
    expect(viewport).to_be_visible(timeout=LONG)
    assignment = viewport.get_attribute("data-assignment")
    assert assignment
    return assignment


def score(page: Page, digit: int) -> None:
    page.keyboard.press(str(digit))
    expect_score(page, digit)


def expect_score(page: Page, digit: int) -> None:
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", str(digit), timeout=LONG)


def look_at(page: Page) -> None:
    """As when a tab is come back to; a headless browser's tabs are all visible."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def read_case(page: Page, digit: int) -> str:
    """Score the case on the screen with one key, submit with another; return its Assignment when the next is there."""
    assignment = case_on_screen(page)
    score(page, digit)
    page.keyboard.press("Enter")
    page.wait_for_function(
        """id => document.querySelector('.room').dataset.phase === 'empty'
             || (document.querySelector('[data-viewport]')?.dataset.state === 'rendered'
                 && document.querySelector('[data-viewport]').dataset.assignment !== id)""",
        arg=assignment,
        timeout=LONG,
    )
    return assignment


def lose_the_network(page: Page) -> None:
    """With the next case in hand: what was not loaded by then cannot come."""
    page.wait_for_function(NEXT_IS_THERE, timeout=LONG)
    page.context.set_offline(True)


def run_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Let the browser run, and what answers for the network with it, until something is so on this side."""
    deadline = time.monotonic() + LONG / 1000
    while not is_so():
        assert time.monotonic() < deadline, "what was waited for did not come about"
        page.wait_for_timeout(20)


def expect_saved(page: Page) -> None:
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=LONG)
    expect(page.locator("[data-save-state]")).to_have_text(re.compile(r"^Saved \d\d:\d\d"))


def viewport(page: Page, name: str) -> str:
    return page.locator("[data-viewport]").get_attribute(f"data-{name}") or ""


def press(page: Page, key: str, name: str, expected: str | re.Pattern[str]) -> None:
    page.keyboard.press(key)
    expect(page.locator("[data-viewport]")).to_have_attribute(f"data-{name}", expected)


def drag(
    page: Page,
    start: tuple[float, float],
    end: tuple[float, float],
    button: Literal["left", "middle", "right"] = "left",
) -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(*end, steps=3)
    page.mouse.up(button=button)


def drag_fingers(page: Page, *paths: tuple[Place, Place]) -> None:
    """One finger on each path, at the same time."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, share: float) -> None:
        places = [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in paths]
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if kind != "touchEnd" else []})

    touch("touchStart", 0)
    for share in (0.25, 0.5, 0.75, 1):
        touch("touchMove", share)
    touch("touchEnd", 1)
    session.detach()


def expect_focus_on_criteria(page: Page) -> None:
    page.wait_for_function("() => document.activeElement?.closest('.criterion') !== null")


def drag_window(page: Page, right: int, down: int) -> tuple[float, float]:
    """Drag the window of the image by so many pixels; return its centre and width when it is drawn."""
    place, before = page.locator("[data-viewport]"), viewport(page, "window-width")
    box = place.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down)
    page.mouse.up()
    expect(place).not_to_have_attribute("data-window-width", before)
    return float(viewport(page, "window-center")), float(viewport(page, "window-width"))


def canvas_at(page: Page, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], list[tuple[int, int, int, int]]]:
    """The viewport's grey values, and where a grid of the image's pixels (row, column) lies in them (x, y)."""
    place = page.locator("[data-viewport] canvas").first
    shown = np.asarray(Picture.open(io.BytesIO(place.screenshot())).convert("L"))
    zoom = float(viewport(page, "zoom"))
    pan_x, pan_y = (float(part) for part in viewport(page, "pan").split(","))
    rows, columns = shape[:2]
    points = []
    for row in range(rows // 4, 3 * rows // 4, 16):
        for column in range(columns // 4, 3 * columns // 4, 16):
            x = shown.shape[1] / 2 + pan_x + (column - (columns - 1) / 2) * zoom
            y = shown.shape[0] / 2 + pan_y + (row - (rows - 1) / 2) * zoom
            if 0 <= x < shown.shape[1] and 0 <= y < shown.shape[0]:
                points.append((row, column, int(x), int(y)))
    assert len(points) > 50
    return shown, points
