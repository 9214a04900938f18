"""The product in German and Chinese, and laid out from right to left."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import LONG, canvas_at, case_on_screen, check, open_page, read_case, sign_in
from tests.e2e.product import PASSWORD, Product
from tests.e2e.rooms import furnish
from tests.e2e.words import english_in, visible

pytestmark = pytest.mark.stack

SLUG = "words"
SCORE = "SELECT value FROM annotations_score JOIN annotations_reading r ON r.id = reading_id WHERE r.assignment_id = %s"
MANAGER_PAGES = ("", "upload/", "readings/", "settings/", "models/", "predictions/", "anchor-images/")
TEXT_OF = {"de": "Anmelden", "zh-hans": "登录"}
LOCALES = {"de": "de", "zh-hans": "zh_Hans"}


@pytest.fixture(scope="module")
def words(product: Product, image_files: list[Path]) -> Product:
    furnish(
        product, SLUG, [file for file in image_files if "UB_5mm" in str(file)], readers=["anna", "bo", "cem"], overlap=3
    )
    product.add_person("maria", SLUG, "manager")
    product.add_person("maria", SLUG, "ml_engineer")
    return product


@pytest.fixture
def page(words: Product, browser: Browser) -> Iterator[Page]:
    page = open_page(browser, words.address)
    yield page
    page.context.close()


def choose(page: Page, language: str) -> None:
    page.locator(f".languages button[value={language}]").click()
    expect(page.locator("html")).to_have_attribute("lang", language)


def sign_in_in(page: Page, username: str, language: str) -> None:
    page.goto("/sign-in/")
    choose(page, language)
    expect(page.get_by_role("heading", name=TEXT_OF[language])).to_be_visible()
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("nav form")).to_be_visible()


def expect_no_english(page: Page, language: str, least: int = 8) -> None:
    texts = visible(page)
    assert len(texts) >= least, texts
    assert english_in(texts, LOCALES[language]) == []


@pytest.mark.parametrize(("language", "reader", "digit"), [("de", "anna", 4), ("zh-hans", "bo", 2)])
def test_reader_works_in_their_language(page: Page, words: Product, language: str, reader: str, digit: int) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    sign_in_in(page, reader, language)
    expect_no_english(page, language)
    page.goto(f"/projects/{SLUG}/")
    expect_no_english(page, language)
    page.goto(f"/projects/{SLUG}/read/")
    case_on_screen(page)
    assert any(f"/{language}-" in url for url in fetched), "its catalogue was fetched"
    assert not any(f"/{other}-" in url for other in LOCALES if other != language for url in fetched)
    expect_no_english(page, language, least=30)
    check(page, f"room-{language}")
    for key, sheet in (("?", "help"), ("k", "settings")):
        page.keyboard.press(key)
        expect(page.locator(f"dialog[data-sheet={sheet}]")).to_be_visible()
        expect_no_english(page, language, least=60)
        check(page, f"room-{language}-{sheet}")
        page.keyboard.press("Escape")
        expect(page.locator(f"dialog[data-sheet={sheet}]")).not_to_be_visible()
    assignment = read_case(page, digit)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=LONG)
    expect_no_english(page, language)
    assert words.value(SCORE, assignment) == digit


@pytest.mark.parametrize("language", LOCALES)
def test_manager_works_in_their_language(page: Page, language: str) -> None:
    sign_in_in(page, "maria", language)
    for part in MANAGER_PAGES:
        page.goto(f"/projects/{SLUG}/{part}")
        expect(page.locator("h1")).to_have_text(SLUG)
        expect_no_english(page, language)
        check(page, f"page-{language}-{part.strip('/') or 'project'}")
    for path in ("/display-check/", "/settings/tokens/", "/no-such-page/"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect_no_english(page, language, least=3)


def test_english_readers_fetch_no_catalogue(page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    sign_in(page, "anna")
    page.goto(f"/projects/{SLUG}/read/")
    expect(page.locator(".room")).to_be_visible()
    assert not any(f"/{language}-" in url for language in LOCALES for url in fetched)


def turn_round(page: Page) -> None:
    page.evaluate("""() => new Promise(done => {
        document.documentElement.dir = 'rtl';
        requestAnimationFrame(() => requestAnimationFrame(done));
    })""")


def expect_nothing_sticks_out(page: Page) -> None:
    wide = page.evaluate("""() => [...document.querySelectorAll('html, main, .room, .topbar, .rubric')]
        .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.className || one.tagName)""")
    assert wide == []


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).first.bounding_box()
    assert found is not None, selector
    return dict(found)


def middle(page: Page, selector: str) -> float:
    found = box(page, selector)
    return found["x"] + found["width"] / 2


def grey(page: Page) -> NDArray[np.uint8]:
    return canvas_at(page, (256, 256))[0]


def test_reading_room_from_right_to_left_mirrors_all_but_the_image(page: Page) -> None:
    sign_in(page, "cem")
    page.goto(f"/projects/{SLUG}/read/")
    case_on_screen(page)
    before, canvas = grey(page), box(page, "[data-viewport]")
    slider = middle(page, ".slicebar") - canvas["x"]
    assert middle(page, ".rubric") > middle(page, "[data-viewport]")
    turn_round(page)
    expect_nothing_sticks_out(page)
    assert middle(page, ".rubric") < middle(page, "[data-viewport]")
    assert middle(page, ".topbar-home") > middle(page, ".topbar > button")
    after = box(page, "[data-viewport]")
    assert (after["width"], after["height"]) == (canvas["width"], canvas["height"])
    assert middle(page, ".slicebar") - after["x"] == pytest.approx(slider), (
        "the bar of slices stays to the image's right"
    )
    assert np.array_equal(grey(page), before), "the image is the same, pixel by pixel"
    check(page, "room-rtl")


def test_pages_from_right_to_left_are_mirrored_and_hold_together(page: Page) -> None:
    page.goto("/sign-in/")
    turn_round(page)
    expect_nothing_sticks_out(page)
    sign_in(page, "maria")
    for path in ("/", "/settings/tokens/", *(f"/projects/{SLUG}/{part}" for part in MANAGER_PAGES)):
        page.goto(path)
        left = middle(page, ".brand")
        assert left < middle(page, "nav form")
        turn_round(page)
        expect_nothing_sticks_out(page)
        assert middle(page, ".brand") > middle(page, "nav form"), path
    check(page, "page-rtl")
