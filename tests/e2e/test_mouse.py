"""The mouse over the image: what each button and the wheel do, by key and as the reader prefers."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import case_on_screen, check, drag, expect_focus_on_criteria, open_room, press, viewport
from tests.e2e.product import Product

pytestmark = pytest.mark.stack
ACROSS, DOWN = 60, 40  # CSS pixels of a drag
NOTCH = 1.15  # of the wheel, by which it zooms
SHOWN = ("window-center", "window-width", "pan", "zoom", "slice-index")
SEEN = """names => {
  const element = document.querySelector('[data-viewport]');
  return Object.fromEntries(names.map(name => [name, element.getAttribute('data-' + name)]));
}"""
ANOTHER = """([name, before]) =>
  document.querySelector('[data-viewport]').getAttribute('data-' + name) !== before"""


def seen(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(SEEN, list(SHOWN))
    return found


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def expect_window_moved(page: Page, button: str = "left") -> None:
    """Across changes the width, down the centre; nothing else moves."""
    before = dragged(page, button, "window-width")
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-window-center", before["window-center"])
    expect_else_unchanged(page, before, "window-center", "window-width")


def expect_panned(page: Page, button: str = "left") -> None:
    """The image goes along with the mouse, pixel by pixel."""
    before = dragged(page, button, "pan")
    x, y = (float(part) for part in before["pan"].split(","))
    page.wait_for_function(
        """([x, y]) => {
          const pan = document.querySelector('[data-viewport]').dataset.pan.split(',').map(Number);
          return Math.hypot(pan[0] - x, pan[1] - y) < 1.5;
        }""",
        arg=[x + ACROSS, y + DOWN],
    )
    expect_else_unchanged(page, before, "pan")


def expect_zoomed(page: Page, button: str = "left") -> None:
    before = dragged(page, button, "zoom")
    expect_else_unchanged(page, before, "zoom", "pan")


def expect_scrolled(page: Page, button: str = "left") -> None:
    before = dragged(page, button, "slice-index")
    assert int(viewport(page, "slice-index")) > int(before["slice-index"])
    expect_else_unchanged(page, before, "slice-index")


def dragged(page: Page, button: str, changed: str) -> dict[str, str]:
    """Drag with a button until this changes; return what was shown before."""
    before, (x, y) = seen(page), middle(page)
    drag(page, (x, y), (x + ACROSS, y + DOWN), button)  # type: ignore[arg-type]
    page.wait_for_function(ANOTHER, arg=[changed, before[changed]])
    return before


def expect_else_unchanged(page: Page, before: dict[str, str], *changed: str) -> None:
    now = seen(page)
    assert {name: now[name] for name in SHOWN if name not in changed} == {
        name: before[name] for name in SHOWN if name not in changed
    }
    expect_focus_on_criteria(page)


def turn(page: Page, pixels: int) -> None:
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, pixels)


def expect_zoom(page: Page, zoom: float) -> None:
    page.wait_for_function(
        "zoom => Math.abs(document.querySelector('[data-viewport]').dataset.zoom / zoom - 1) < 0.005", arg=zoom
    )


def expect_left(page: Page, tool: str) -> None:
    expect(page.locator("[data-viewport]")).to_have_attribute("data-left-tool", tool)
    for one in ("window", "zoom", "pan", "scroll"):
        expect(page.locator(f'[data-action="{one}"]')).to_have_attribute("aria-pressed", str(one == tool).lower())


def test_keys_choose_what_the_left_button_does(ramps: Product, browser: Browser) -> None:
    page = open_room(browser, ramps.address, "ramps", "dragger")
    press(page, "Home", "slice-index", "0")
    expect_left(page, "window")
    expect_window_moved(page)
    for key, tool, expected in (
        ("p", "pan", expect_panned),
        ("z", "zoom", expect_zoomed),
        ("s", "scroll", expect_scrolled),
        ("w", "window", expect_window_moved),
    ):
        page.keyboard.press(key)
        expect_left(page, tool)
        expected(page)
        press(page, "Home", "slice-index", "0")
    expect_panned(page, "middle")  # the other buttons as they are where nothing was chosen
    expect_zoomed(page, "right")
    turn(page, 120)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "1")
    check(page, "mouse-keys")
    page.context.close()


def test_buttons_and_wheel_do_what_the_reader_prefers(ramps: Product, browser: Browser) -> None:
    page = open_room(browser, ramps.address, "ramps", "chooser")
    chosen = {"left": "pan", "middle": "scroll", "right": "window", "wheel": "zoom"}
    page.keyboard.press("k")
    sheet = page.locator("dialog[data-sheet=settings][open]")
    for button, tool in chosen.items():
        sheet.locator(f"select[name={button}]").select_option(tool)
    sheet.locator("[data-settings=save]").click()
    expect(sheet.locator("[role=alert][data-refused=false]")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect_focus_on_criteria(page)
    (stored,) = ramps.rows("SELECT reading_preferences FROM annotations_user WHERE username = 'chooser'")[0]
    assert stored["mouse"] == chosen
    expect_all_as_chosen(page)
    page.reload()
    case_on_screen(page)
    expect_all_as_chosen(page)
    check(page, "mouse-chosen")
    page.context.close()


def expect_all_as_chosen(page: Page) -> None:
    press(page, "Home", "slice-index", "0")
    expect_left(page, "pan")
    expect_panned(page)
    expect_window_moved(page, "right")
    expect_scrolled(page, "middle")
    before = seen(page)
    zoom = float(before["zoom"])
    turn(page, -120)
    expect_zoom(page, zoom * NOTCH)
    turn(page, -120)
    expect_zoom(page, zoom * NOTCH**2)
    turn(page, 120)
    expect_zoom(page, zoom * NOTCH)
    expect_else_unchanged(page, before, "zoom", "pan")
