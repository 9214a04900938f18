"""After submission, in a Project for training: what the model and others said, over the image and beside it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, open_page, press, read_case, sign_in
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
    tiles = [dict(box=[0, 0, 64, 64], weights=[[1.0, 0.0], [0.0, 0.0]])]
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
    expect(page.locator(".feedback-physical")).to_contain_text("40 % of the dose")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-assignment", assignment)
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved", timeout=LONG)

    expect(page.locator(".slice-weight")).to_have_count(2)
    page.locator(".slice-weight").first.click()
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "0")
    expect(page.locator("[data-patches]")).to_have_attribute("data-patches", "1")
    inspected = page.evaluate("() => document.querySelector('[data-viewport]').inspect()")
    origin, right, down = (inspected[name] for name in ("origin", "right", "down"))
    points = page.locator("[data-patches] polygon").get_attribute("points") or ""
    corners = [tuple(float(part) for part in point.split(",")) for point in points.split(" ")]
    wide, high = right[0] - origin[0], down[1] - origin[1]
    expected = [(origin[0] - wide / 2, origin[1] - high / 2), (origin[0] + 31.5 * wide, origin[1] + 31.5 * high)]
    for found, wanted in zip((corners[0], corners[2]), expected, strict=True):
        assert found == pytest.approx(wanted, abs=1.0)
    check(page, "feedback")
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
