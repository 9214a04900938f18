"""Every page for everybody: WCAG 2.2 AA by axe, 200 % zoom, fingers for a mouse, type to be read at 60 cm, a dark room.

Each page in a state that is full of what it can show, and the reading room with its sheets and planes.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import case_on_screen, check, drag_fingers, expect_saved, open_page, sign_in, watched
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.test_feedback import PREDICT, run

pytestmark = pytest.mark.stack

SLUG = "access"
STAFF = "is_staff=True, is_superuser=True"
SCORE = "SELECT value FROM annotations_score JOIN annotations_reading r ON r.id = reading_id WHERE r.assignment_id = %s"
# ISO 9241-303 asks for capitals of 16 minutes of arc at least: 2.8 mm at 60 cm. At 96 pixels an inch, and with capitals
# of 0.72 of the type's size, that is 14.7 pixels.
SMALLEST_PX = 14.7
SMALL_TYPE = """smallest => {
  const walker = document.createTreeWalker(document.querySelector('.room'), NodeFilter.SHOW_TEXT);
  const small = [];
  while (walker.nextNode()) {
    const { textContent, parentElement } = walker.currentNode;
    const isShown = textContent.trim() !== '' && parentElement.checkVisibility();
    if (isShown && parseFloat(getComputedStyle(parentElement).fontSize) < smallest)
      small.push(`${textContent} ${getComputedStyle(parentElement).fontSize}`);
  }
  return small;
}"""
# Pages by their names in the URLconf, with their addresses.
PUBLIC = {"sign-in": "/sign-in/"}
OF_MANAGERS = {
    "home": "/",
    "tokens": "/settings/tokens/",
    "display-check": "/display-check/",
    "project": f"/projects/{SLUG}/",
    "readings": f"/projects/{SLUG}/readings/",
    "project-settings": f"/projects/{SLUG}/settings/",
    "anchor-images": f"/projects/{SLUG}/anchor-images/",
    "choose-anchor": f"/projects/{SLUG}/anchor-images/overall/2/",
    "hanging": f"/projects/{SLUG}/hanging/",
    "calibration": f"/projects/{SLUG}/calibration/",
    "choose-calibration": f"/projects/{SLUG}/calibration/add/",
    "upload": f"/projects/{SLUG}/upload/",
    "predictions": f"/projects/{SLUG}/predictions/",
    "models": f"/projects/{SLUG}/models/",
    "new-project": "/projects/new/",
}
# Checked in other tests, in more states than could be had here: `check` looks at each.
ELSEWHERE = {
    "read": "below, and in most other tests",
    "replay": "test_replay.py",
    "run": "test_loop.py",
    "prediction": "below",
    "api-docs": "nowhere: Swagger UI's own page, of low contrast, for who writes programs",
    "setup": "below",
}
# No page of their own: an answer to a form, a part of a page, or a text.
NO_PAGES = {
    *(
        "healthz",
        "readyz",
        "set_language",
        "favicon",
        "api-root",
        "schema",
        "sign-out",
        "revoke-token",
        "remove-anchor",
        "remove-calibration",
    ),
    *("prescore", "scoring", "select", "correct-prompt", "promote", "roll-back", "start-run", "cancel-run"),
}


def page_names() -> Iterator[str]:
    """Of the URLconf, but for the API, DICOMweb and Django's administration."""
    waiting: list[URLPattern | URLResolver] = list(get_resolver().url_patterns)
    for entry in waiting:
        if isinstance(entry, URLResolver):
            if not str(entry.pattern).startswith(("api/", "dicomweb/", "admin/")):
                waiting += entry.url_patterns
        else:
            yield str(entry.name)


def test_every_page_of_the_product_is_looked_at() -> None:
    known = {*PUBLIC, *OF_MANAGERS, *ELSEWHERE, *NO_PAGES}
    assert set(page_names()) - known == set()


@pytest.fixture(scope="module")
def furnished(product: Product, image_files: list[Path]) -> Product:
    stacks = [file for file in image_files if "UB_5mm" in str(file)]
    furnish(product, SLUG, stacks, readers=["ada", "bea", "cleo"], overlap=3)
    product.add_person("mag", SLUG, "manager")
    product.add_person("mag", SLUG, "ml_engineer")
    run(product, PREDICT.format(slug=SLUG))
    run(product, f"from annotations.models import User; User.objects.filter(username='mag').update({STAFF})")
    return product


def at_work(browser: Browser, product: Product, username: str, **context: Any) -> Page:
    """The reading room of a fresh person, on a screen as told."""
    page = watched(browser.new_context(base_url=product.address, **context).new_page())
    sign_in(page, username)
    page.goto(f"/projects/{SLUG}/read/")
    case_on_screen(page)
    return page


def test_pages_are_accessible(furnished: Product, browser: Browser) -> None:
    page = open_page(browser, furnished.address)
    for name, path in PUBLIC.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        check(page, f"access-{name}")
    sign_in(page, "mag")
    (prediction,) = furnished.rows("SELECT id FROM inference_prediction LIMIT 1")[0]
    details = {"prediction": f"/projects/{SLUG}/predictions/{prediction}/", "404": "/no-such-page/"}
    for name, path in (OF_MANAGERS | details).items():
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        check(page, f"access-{name}")
    page.context.close()


def test_reading_room_and_its_sheets_are_accessible(furnished: Product, browser: Browser) -> None:
    page = at_work(browser, furnished, "ada", viewport={"width": 1440, "height": 900})
    check(page, "access-room")
    for key, sheet in (("?", "help"), ("k", "settings"), ("l", "bookmarks")):
        page.keyboard.press(key)
        expect(page.locator(f"dialog[data-sheet={sheet}]")).to_be_visible()
        check(page, f"access-{sheet}")
        page.keyboard.press("Escape")
        expect(page.locator(f"dialog[data-sheet={sheet}]")).not_to_be_visible()
    page.keyboard.press("y")
    expect(page.locator("[data-plane] canvas")).to_have_count(2)
    check(page, "access-planes")
    page.context.close()


def expect_no_way_aside(page: Page) -> None:
    """WCAG 1.4.10: nothing has to be scrolled sideways, and nothing sticks out of the page."""
    wide = page.evaluate("""() => document.scrollingElement.scrollWidth <= innerWidth ? []
        : [...document.querySelectorAll('main *, header *')]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
        .map(one => one.outerHTML.slice(0, 120))""")
    assert wide == [], page.url


@pytest.mark.parametrize("width", [640, 320])
def test_pages_hold_together_at_200_and_400_percent(furnished: Product, browser: Browser, width: int) -> None:
    """1280 by 1024 pixels at 200 % (WCAG 1.4.4) are 640 by 512 of CSS; at 400 % (1.4.10) 320 by 256."""
    context = browser.new_context(base_url=furnished.address, viewport={"width": width, "height": width * 4 // 5})
    page = watched(context.new_page())
    page.goto("/sign-in/")
    expect_no_way_aside(page)
    sign_in(page, "mag")
    for path in OF_MANAGERS.values():
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect_no_way_aside(page)
    context.close()


@pytest.mark.parametrize("state", ["opened", "refused"])
@pytest.mark.parametrize("width", [1440, 320])
def test_first_page_of_an_empty_installation_is_accessible(
    product: Product, browser: Browser, width: int, state: str
) -> None:
    """As it was served before there was anybody, with the styles that are served now."""
    first = product.first_pages[state]
    headers = {name: first.headers[name] for name in ("Content-Type", "Content-Security-Policy")}
    page = open_page(browser, product.address, viewport={"width": width, "height": width * 4 // 5})
    page.route("**/setup/", lambda route: route.fulfill(body=first.text, headers=headers))
    page.goto("/setup/")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    assert bool(page.locator(".errorlist").count()) == (state == "refused")
    check(page, f"access-setup-{state}-{width}")
    expect_no_way_aside(page)
    page.context.close()


def test_case_is_read_at_200_percent(furnished: Product, browser: Browser) -> None:
    page = at_work(browser, furnished, "bea", viewport={"width": 640, "height": 512}, device_scale_factor=2)
    expect_no_way_aside(page)
    shown = page.locator("[data-viewport]").bounding_box()
    assert shown
    assert min(shown["width"], shown["height"]) > 250
    assert shown["y"] > 0  # the image comes first, though the focus is below it
    check(page, "access-zoomed")
    assignment = case_on_screen(page)
    page.locator('[data-criterion="overall"] .level').nth(2).click()
    page.get_by_role("button", name="Submit").click()
    expect_saved(page)
    assert furnished.value(SCORE, assignment) == 2
    page.context.close()


def test_case_is_read_with_fingers(furnished: Product, browser: Browser) -> None:
    page = at_work(browser, furnished, "cleo", viewport={"width": 1024, "height": 768}, has_touch=True, is_mobile=True)
    check(page, "access-tablet")
    small = page.evaluate("""() => [...document.querySelectorAll('.level, .tool, .rubric button')]
        .filter(one => one.checkVisibility()).map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
        .filter(([, { width, height }]) => Math.min(width, height) < 44).map(([html]) => html)""")
    assert small == []
    viewport = page.locator("[data-viewport]")
    box = viewport.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    window = viewport.get_attribute("data-window-width") or ""
    drag_fingers(page, ((x, y), (x + 80, y + 10)))
    expect(viewport).not_to_have_attribute("data-window-width", window)
    zoom = float(viewport.get_attribute("data-zoom") or 0)
    drag_fingers(page, ((x - 20, y), (x - 120, y)), ((x + 20, y), (x + 120, y)))
    page.wait_for_function(
        "zoom => Number(document.querySelector('[data-viewport]').dataset.zoom) > 1.2 * zoom", arg=zoom
    )
    page.locator('[data-action="scroll"]').tap()
    index = viewport.get_attribute("data-slice-index") or ""
    drag_fingers(page, ((x, y), (x, y + 60)))
    expect(viewport).not_to_have_attribute("data-slice-index", index)
    bar = page.locator(".slicebar").bounding_box()
    assert bar
    page.touchscreen.tap(bar["x"] + bar["width"] / 2, bar["y"] + 2)
    expect(viewport).to_have_attribute("data-slice-index", "0")
    assignment = case_on_screen(page)
    page.locator('[data-criterion="overall"] .level').nth(3).tap()
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "3")
    page.get_by_role("button", name="Submit").tap()
    expect_saved(page)
    assert furnished.value(SCORE, assignment) == 3
    page.context.close()


def test_room_is_dark_calm_and_can_be_read_at_60_cm(furnished: Product, browser: Browser) -> None:
    page = at_work(browser, furnished, "ada", viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    small = page.evaluate(SMALL_TYPE, SMALLEST_PX)
    assert small == []
    moving = page.evaluate("() => document.getAnimations().map(one => one.animationName ?? one.transitionProperty)")
    assert moving == []
    picture = page.screenshot(mask=[page.locator("[data-viewport]")], mask_color="#000")
    light = luminance(np.asarray(Picture.open(io.BytesIO(picture)).convert("RGB"), float) / 255)
    assert light.mean() < 0.03  # an eye that is used to dark images stays so
    assert light.max() < 0.8  # and white of the image is brighter than any letter
    squares = light[:896, :1440].reshape(56, 16, 90, 16).mean(axis=(1, 3))
    assert squares.max() < 0.4  # no patch of 16 by 16 pixels shines
    page.context.close()


def luminance(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Relative, 0 to 1, as WCAG defines it."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])
