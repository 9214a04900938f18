"""After submission, in a Project for training: what the model and others said, over the image and beside it."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_ramp
from tests.e2e.pages import (
    LONG,
    NEXT_IS_THERE,
    case_on_screen,
    check,
    drag,
    expect_focus_on_criteria,
    expect_saved,
    open_page,
    open_room,
    press,
    read_case,
    sign_in,
)
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
SET_ARM = "from annotations.models import Project; Project.objects.filter(slug={slug!r}).update(arm={arm!r})"
# What pre-scoring stores, with weights that can be told apart on the screen.
PREDICT = """
from django.utils import timezone
from annotations.models import Project
from inference.models import CriterionPrediction, Prediction
from inference.services.registry import ensure_baseline
project = Project.objects.get(slug={slug!r})
version = ensure_baseline(project=project, now=timezone.now())
Prediction.objects.filter(project=project).delete()
for image in project.images.all():
    count = image.slices.count()
    indices, weights = ([0], [1.0]) if count == 1 else ([0, count - 1], [0.75, 0.25])
    places = [[float(row == column == 0) for column in range(16)] for row in range(16)]
    tiles = [dict(box=[0, 0, 512, 512], weights=places)]
    made = Prediction.objects.create(
        project=project, image=image, model_version=version, prompt={{}}, prompt_provenance={{}},
        slice_indices=indices, slice_weights=weights,
        patch_weights=[dict(slice=index, tiles=tiles) for index in indices],
        physical=dict(relative_dose=0.4), ood_distance=0.5)
    CriterionPrediction.objects.create(
        prediction=made, criterion=version.rubric.criteria.get(), quality=2.6, lower=1.5, upper=3.4,
        epistemic_std=0.4, aleatoric_std=0.3, is_prior=True)
"""


def run(product: Product, code: str) -> None:
    product.manage("shell", "--no-imports", "-c", code)


def submit(page: Page, digit: int) -> str:
    assignment = case_on_screen(page)
    page.keyboard.press(str(digit))
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", str(digit))
    page.keyboard.press("Enter")
    expect(page.locator('[data-feedback="shown"]')).to_be_visible(timeout=LONG)
    return assignment


def expect_patch_in_place(page: Page) -> None:
    """The first 32 rows and columns, which alone count, lie below the patch, however the image is turned."""
    inspected = page.evaluate("() => document.querySelector('[data-viewport]').inspect()")
    origin, right, down = (np.array(inspected[name][:2]) for name in ("origin", "right", "down"))
    along, below = right - origin, down - origin
    points = page.locator("[data-patches] polygon").get_attribute("points") or ""
    corners = [tuple(float(part) for part in point.split(",")) for point in points.split(" ")]
    wanted = [origin + along * x + below * y for x, y in ((-0.5, -0.5), (31.5, -0.5), (31.5, 31.5), (-0.5, 31.5))]
    assert np.array(corners) == pytest.approx(np.array(wanted), abs=1.0)


def test_reader_in_training_sees_what_the_model_and_others_said(
    product: Product, browser: Browser, image_files: list[Path]
) -> None:
    furnish(product, "school", [file for file in image_files if "UB_5mm" in str(file)], readers=["first", "second"])
    run(product, PREDICT.format(slug="school"))
    blind = open_page(browser, product.address)
    sign_in(blind, "first")
    blind.goto("/projects/school/read/")
    read_case(blind, 1)
    expect_saved(blind)
    expect(blind.locator("[data-feedback]")).to_have_count(0)
    blind.context.close()

    run(product, SET_ARM.format(slug="school", arm="assisted"))
    page = open_page(browser, product.address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/feedback/" in request.url else None)
    sign_in(page, "second")
    page.goto("/projects/school/read/")
    case_on_screen(page)
    expect(page.locator("[data-patches], .slice-weight")).to_have_count(0)
    assert asked == []
    assignment = submit(page, 3)
    assert len(asked) == 1
    told = page.locator('[data-feedback-criterion="overall"]')
    for line in ("You: 3", "Model: 2.6 (1.5 to 3.4)", "Other readers: 1 × 1"):
        expect(told).to_contain_text(line)
    expect(page.locator(".feedback-faults")).to_contain_text("low dose, slight (40 % of the dose)")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-assignment", assignment)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=LONG)

    expect(page.locator(".slice-weight")).to_have_count(2)
    page.locator(".slice-weight").first.click()
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "0")
    expect(page.locator("[data-patches]")).to_have_attribute("data-patches", "1")
    expect_patch_in_place(page)
    check(page, "feedback")
    press(page, "r", "rotation", "90")
    expect_patch_in_place(page)
    press(page, "h", "flipped-horizontally", "true")
    expect_patch_in_place(page)
    check(page, "feedback-turned")
    page.keyboard.press("o")
    expect(page.locator("[data-patches]")).to_have_count(0)
    press(page, "i", "inverted", "true")
    page.keyboard.press("4")  # scores nothing any more
    expect(told).to_contain_text("You: 3")

    page.get_by_role("button", name=re.compile("Correct it")).click()
    expect(page.locator(f'.rubric-criteria[data-assignment="{assignment}"]')).to_be_visible(timeout=LONG)
    case_on_screen(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator('[data-feedback="shown"]')).to_be_visible(timeout=LONG)
    expect(told).to_contain_text("You: 2")
    page.keyboard.press("Enter")
    expect(page.locator("[data-feedback]")).to_have_count(0)
    stored = "SELECT arm FROM annotations_reading WHERE assignment_id = %s ORDER BY submitted_at"
    assert [arm for (arm,) in product.rows(stored, assignment)] == ["training", "assisted"]
    check(page, "after-feedback")
    page.context.close()


def measure_across(page: Page, count: int) -> str:
    """The same line each time; what the last of so many measures says."""
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.press("m")
    expect(page.locator("[data-pointing]")).to_have_attribute("data-pointing", "length")
    drag(page, (x - 80, y - 40), (x + 80, y + 40))
    page.keyboard.press("Escape")
    expect(page.locator("[data-pointing]")).to_have_count(0)
    expect(page.locator('[data-measure="length"]')).to_have_count(count)
    return page.locator('[data-measure="length"]').last.get_attribute("data-text") or ""


def test_while_feedback_is_shown_tools_act_on_the_case_that_it_is_about(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    """The next one is in hand already, and has pixels of another size."""
    files = [
        *new_ramp(tmp_path, slices=3, name="fine", PixelSpacing=[0.7, 0.7]),
        *new_ramp(tmp_path, slices=3, name="coarse", PixelSpacing=[1.5, 1.5]),
    ]
    furnish(product, "tools", files, readers=["tom"])
    run(product, PREDICT.format(slug="tools"))
    run(product, SET_ARM.format(slug="tools", arm="training"))
    page = open_room(browser, product.address, "tools", "tom")
    page.wait_for_function(NEXT_IS_THERE)
    said = measure_across(page, 1)
    page.keyboard.press("f")
    expect(page.locator("[data-pointing]")).to_have_attribute("data-pointing", "mark")
    assignment = submit(page, 3)
    expect(page.locator("[data-pointing]")).to_have_count(0)  # there is nothing to mark a finding in any more
    page.wait_for_function("() => document.activeElement?.closest('.feedback') !== null")
    assert measure_across(page, 2) == said
    for action in ("mark", "note"):
        expect(page.locator(f'[data-action="{action}"]')).to_be_disabled()
    bookmark = page.locator('[data-action="bookmark"]')
    expect(bookmark).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("b")
    expect(bookmark).to_have_attribute("aria-pressed", "true")
    marked = "SELECT assignment_id FROM annotations_bookmark b JOIN annotations_user u ON u.id = b.user_id"
    assert [str(one) for (one,) in product.rows(f"{marked} WHERE username = 'tom'")] == [assignment]
    check(page, "feedback-tools")
    page.locator(".slice-weight").first.click()
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "0")
    page.keyboard.press("Enter")  # goes on, and does not press again what was clicked
    expect(page.locator("[data-feedback]")).to_have_count(0)
    assert case_on_screen(page) != assignment
    expect(bookmark).to_have_attribute("aria-pressed", "false")
    expect_focus_on_criteria(page)
    submit(page, 2)
    page.keyboard.press("Enter")
    expect(page.locator('.room[data-phase="empty"]')).to_be_visible(timeout=LONG)
    page.wait_for_function("() => document.activeElement?.closest('.interlude') !== null")
    check(page, "feedback-end")
    page.context.close()
