"""A rubric of three questions, one of them on a slider, with kinds of finding of its own: read by keys alone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.generated import new_ramp
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    check,
    expect_focus_on_criteria,
    expect_saved,
    open_room,
    press,
    viewport,
)
from tests.e2e.product import Product, readings_of
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
ASK_THREE = """
from annotations.models import Project, Rubric
project = Project.objects.get(slug="several")
rubric = Rubric.objects.create(project=project, version=2, finding_types=["Grid lines", "Foreign body"])
levels = ["Bad", "Poor", "Fair", "Good", "None at all"]
rubric.criteria.create(key="noise", question="Noise", position=0, minimum=0, maximum=4,
    anchors=[dict(value=value, text=text) for value, text in enumerate(levels)])
rubric.criteria.create(key="share", question="Share that can be used", position=1, minimum=0, maximum=100,
    anchors=[dict(value=0, text="Nothing"), dict(value=100, text="All of it")])
rubric.criteria.create(key="edges", question="Edges", position=2, minimum=1, maximum=5,
    anchors=[dict(value=1, text="Blurred"), dict(value=5, text="Sharp")])
"""
SCORES = (
    "SELECT c.key, s.value FROM annotations_score s JOIN annotations_criterion c ON c.id = s.criterion_id "
    "JOIN annotations_reading r ON r.id = s.reading_id WHERE r.assignment_id = %s ORDER BY c.position"
)
FINDINGS = (
    "SELECT f.type, f.slice_index FROM annotations_finding f JOIN annotations_reading r ON r.id = f.reading_id "
    "WHERE r.assignment_id = %s"
)
READERS = ("mover", "hasty", "ender", "slider", "misser", "hearer")


@pytest.fixture(scope="module")
def several(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("several")
    files = [file for name in ("one", "two") for file in new_ramp(folder, slices=5, name=name)]
    furnish(product, "several", files, readers=READERS, overlap=len(READERS))
    product.manage("shell", "--no-imports", "-c", ASK_THREE)
    return product


@pytest.fixture
def page(several: Product, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = open_room(browser, several.address, "several", request.param)
    yield page
    page.context.close()


def by(reader: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", [reader], indirect=True)


def criterion(page: Page, key: str) -> Locator:
    return page.locator(f'[data-criterion="{key}"]')


def expect_scores(page: Page, **scores: str) -> None:
    for key, score in scores.items():
        expect(criterion(page, key)).to_have_attribute("data-score", score)


def expect_current(page: Page, key: str) -> None:
    """Marked as the current one, alone, and with the focus."""
    expect(page.locator(".criterion[data-current=true]")).to_have_count(1)
    expect(criterion(page, key)).to_have_attribute("data-current", "true")
    page.wait_for_function(
        "key => document.activeElement?.closest('[data-criterion]')?.dataset.criterion === key", arg=key
    )


def go(page: Page, key: str, to: str) -> None:
    page.keyboard.press(key)
    expect_current(page, to)


def score(page: Page, digits: str, key: str, expected: str) -> None:
    for digit in digits:
        page.keyboard.press(digit)
    expect_scores(page, **{key: expected})


def submit(page: Page) -> str:
    assignment = viewport(page, "assignment")
    page.keyboard.press("Enter")
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-assignment", assignment, timeout=LONG)
    expect_saved(page)
    return assignment


@by("mover")
def test_tab_and_arrows_move_between_criteria_and_digits_score_the_current_one(page: Page, several: Product) -> None:
    expect_current(page, "noise")
    score(page, "3", "noise", "3")
    expect_current(page, "noise")  # a digit stays, so that the next one may correct it
    score(page, "1", "noise", "1")
    go(page, "ArrowRight", "share")
    score(page, "85", "share", "85")
    go(page, "ArrowRight", "edges")  # and does not move the slider
    go(page, "ArrowLeft", "share")
    go(page, "Shift+Tab", "noise")
    go(page, "Tab", "share")
    expect_scores(page, noise="1", share="85", edges="")
    go(page, "Tab", "edges")
    score(page, "4", "edges", "4")
    page.keyboard.press("Tab")  # from the last one it is the browser's
    expect(page.locator(".confidence input").first).to_be_focused()
    go(page, "Shift+Tab", "edges")
    check(page, "several-criteria")
    expect_scores(page, noise="1", share="85", edges="4")
    assert several.rows(SCORES, submit(page)) == [("noise", 1), ("share", 85), ("edges", 4)]
    case_on_screen(page)
    expect_current(page, "noise")  # the next case begins with the first
    expect_scores(page, noise="", share="", edges="")


@by("hasty")
def test_tab_before_the_next_picture_starts_from_the_level_that_was_chosen(page: Page) -> None:
    go(page, "Tab", "share")
    go(page, "Tab", "edges")
    page.evaluate("() => { window.requestAnimationFrame = () => 0; }")  # the next one never comes
    score(page, "4", "edges", "4")
    page.keyboard.press("Tab")
    expect(page.locator(".confidence input").first).to_be_focused()


@by("ender")
def test_arrows_beyond_the_first_and_the_last_criterion_choose_no_level(page: Page) -> None:
    score(page, "3", "noise", "3")
    page.keyboard.press("ArrowLeft")
    go(page, "Tab", "share")
    go(page, "ArrowRight", "edges")
    score(page, "2", "edges", "2")
    page.keyboard.press("ArrowRight")
    press(page, "i", "inverted", "true")  # the arrow before it was heard
    expect_scores(page, noise="3", edges="2")


@by("slider")
def test_slider_is_set_by_digits_and_steps_and_leaves_the_slices_their_arrows(page: Page, several: Product) -> None:
    slider = criterion(page, "share").locator("input[type=range]")
    go(page, "ArrowRight", "share")
    expect(slider).to_be_focused()
    score(page, "72", "share", "72")
    score(page, "9", "share", "9")  # 729 is off the scale: it begins anew
    score(page, "+", "share", "10")
    score(page, "--", "share", "8")
    expect(slider).to_have_value("8")
    expect(slider).to_be_focused()
    index = int(viewport(page, "slice-index"))
    press(page, "ArrowDown", "slice-index", str(index + 1))
    press(page, "Home", "slice-index", "0")
    expect_scores(page, share="8")
    box = slider.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect_scores(page, share="50")
    score(page, "+", "share", "51")
    page.reload()
    case_on_screen(page)
    expect_current(page, "noise")
    expect_scores(page, noise="", share="51", edges="")
    score(page, "0", "noise", "0")
    go(page, "ArrowRight", "share")
    go(page, "ArrowRight", "edges")
    score(page, "0", "edges", "")  # its scale begins at 1
    score(page, "5", "edges", "5")
    assert several.rows(SCORES, submit(page)) == [("noise", 0), ("share", 51), ("edges", 5)]


@by("misser")
def test_enter_goes_to_what_is_missing_and_says_so(page: Page, several: Product) -> None:
    said = page.get_by_role("status").and_(page.locator(".submit-status"))
    assignment = case_on_screen(page)
    expect(said).to_have_text("0 of 3 answered")
    score(page, "2", "noise", "2")
    go(page, "ArrowRight", "share")
    go(page, "ArrowRight", "edges")
    score(page, "3", "edges", "3")
    page.keyboard.press("Enter")
    expect_current(page, "share")
    expect(said).to_have_text("Still to answer: Share that can be used")
    expect(criterion(page, "share")).to_have_attribute("data-missing", "true")
    expect(criterion(page, "share").locator("legend")).to_contain_text("to score")
    expect(page.locator(".criterion[data-missing=true]")).to_have_count(1)
    check(page, "several-missing")
    assert readings_of(several, assignment) == 0
    score(page, "100", "share", "100")
    expect(said).to_have_text("All 3 answered")
    mark_in_the_middle(page, "Foreign body")
    assert submit(page) == assignment
    assert several.rows(SCORES, assignment) == [("noise", 2), ("share", 100), ("edges", 3)]
    assert several.rows(FINDINGS, assignment) == [("Foreign body", 2)]


def mark_in_the_middle(page: Page, kind: str) -> None:
    """A finding of one of the kinds that the rubric has."""
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    page.keyboard.press("f")
    expect(page.locator("[data-pointing]")).to_have_attribute("data-pointing", "mark")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    kinds = page.locator('[data-finding="1"] select')
    expect(kinds.locator("option")).to_have_text(["Grid lines", "Foreign body"])
    kinds.select_option(kind)
    expect_focus_on_criteria(page)


@by("hearer")
def test_case_is_read_by_tab_and_digits_as_a_screen_reader_tells_it(page: Page, several: Product) -> None:
    """Roles, names and states only."""
    noise, edges = (page.get_by_role("group", name=re.compile(f"^{name}")) for name in ("Noise", "Edges"))
    share = page.get_by_role("slider", name="Share that can be used", exact=True)
    submission = page.get_by_role("button", name="Submit")
    expect(noise.get_by_role("radio").first).to_be_focused()
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    expect(submission).to_be_disabled()
    page.keyboard.press("2")
    expect(noise.get_by_role("radio", name="2 Fair", exact=True)).to_be_focused()
    expect(noise.get_by_role("radio", name="2 Fair", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", checked=True)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(share).to_be_focused()
    expect(share).to_have_attribute("aria-valuetext", "not scored")
    page.keyboard.press("6")
    page.keyboard.press("0")
    expect(share).to_have_attribute("aria-valuetext", "60")
    expect(share).to_be_focused()
    page.keyboard.press("Tab")
    expect(edges.get_by_role("radio").first).to_be_focused()
    page.keyboard.press("5")
    expect(edges.get_by_role("radio", name="5 Sharp", exact=True)).to_be_focused()
    expect(edges.get_by_role("radio", name="5 Sharp", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", checked=True)).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="All 3 answered")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="How sure you are").get_by_role("radio", name="Low")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Note")).to_be_focused()
    page.keyboard.press("Tab")
    expect(submission).to_be_focused()
    expect(submission).to_be_enabled()
    assert several.rows(SCORES, submit(page)) == [("noise", 2), ("share", 60), ("edges", 5)]
    expect(noise.get_by_role("radio").first).to_be_focused()
    expect(page.get_by_role("radio", checked=True)).to_have_count(0)
