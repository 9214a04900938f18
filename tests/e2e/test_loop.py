"""The whole loop in a browser: images in, scored, read by two readers, learnt from, compared, promoted, scored anew."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, open_page, read_case, sign_in
from tests.e2e.product import Product
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.stack

BATCH = 24
SCORES = {"MR": 0}  # what the two readers think: MR is bad, the rest a little better; ben is one level kinder
OTHERS = 2


@pytest.fixture(scope="module")
def project(product: Product) -> str:
    product.add_project("loop", overlap=2, batch_size=BATCH)
    for username, role in [("rina", "reader"), ("paul", "reader"), ("mona", "manager"), ("mike", "ml_engineer")]:
        product.add_person(username, "loop", role)
    return "loop"


@pytest.fixture(scope="module")
def archive(image_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images as a hospital sends them: one zip. With a file that is no image."""
    path = tmp_path_factory.mktemp("zip") / "study export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(image_files):
            archive.write(file, f"export/{number:03}/{file.name}")
        archive.writestr("export/read me.txt", "not an image")
    return path


def test_manager_uploads_a_zip_and_sees_what_was_taken(
    product: Product, project: str, archive: Path, browser: Browser
) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mona")
    page.goto(f"/projects/{project}/")
    check(page, "project-empty")
    page.get_by_role("link", name="Upload").click()
    page.locator("input[type=file]").first.set_input_files(archive)
    check(page, "upload-chosen")
    expect(page.get_by_text("read me.txt").first).to_be_visible(timeout=LONG)
    images = product.value(IMAGES, project)
    assert images >= 35
    expect(page.locator('[data-result="images"]')).to_have_text(str(images))
    expect(page.locator('[data-result="refused"]')).to_have_text("1")
    check(page, "upload-done")


def test_every_image_is_pre_scored_by_itself(product: Product, project: str, browser: Browser) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mona")
    page.goto(f"/projects/{project}/")
    images = product.value(IMAGES, project)
    expect(page.locator('[data-figure="scored"]')).to_have_text(str(images), timeout=LONG)
    check(page, "project-scored")
    assert product.value(PREDICTIONS, project, 1) == images
    assert product.value("SELECT count(*) FROM inference_scoringrefusal") == 0


def test_ml_engineer_chooses_a_batch(product: Product, project: str, browser: Browser) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mike")
    page.goto(f"/projects/{project}/models/")
    page.get_by_role("button", name=f"Choose the next {BATCH} images").click()
    expect(page.get_by_text(f"{BATCH} images were chosen")).to_be_visible()
    check(page, "models-batch")
    assert (
        product.value("SELECT count(*) FROM annotations_assignment WHERE project_id = " + PROJECT, project) == 2 * BATCH
    )


@pytest.mark.parametrize(("username", "kindness"), [("rina", 0), ("paul", 1)])
def test_reader_reads_the_batch_with_the_keyboard_alone(
    product: Product, project: str, browser: Browser, username: str, kindness: int
) -> None:
    page = open_page(browser, product.address)
    sign_in(page, username)
    page.goto(f"/projects/{project}/")
    check(page, f"project-reader-{username}")
    page.keyboard.press("Tab")
    page.get_by_role("link", name="Start reading").focus()
    page.keyboard.press("Enter")
    read: list[str] = []
    while len(read) < BATCH:
        assignment = case_on_screen(page)
        if len(read) in (0, 5):
            check(page, f"reading-{username}-{len(read)}")
        digit = SCORES.get(modality(product, assignment), OTHERS) + kindness
        read.append(read_case(page, digit))
    expect(page.locator("[data-interlude]")).to_be_visible()
    expect_saved(page)
    check(page, f"reading-{username}-end")
    assert len(set(read)) == BATCH
    done = (
        "SELECT count(*) FROM annotations_reading r JOIN annotations_user u ON u.id = r.reader_id WHERE username = %s"
    )
    assert product.value(done, username) == BATCH


def modality(product: Product, assignment: str) -> str:
    statement = (
        "SELECT s.modality FROM annotations_assignment a JOIN annotations_image i ON i.id = a.image_id "
        "JOIN annotations_series s ON s.id = i.series_id WHERE a.id = %s"
    )
    return str(product.value(statement, assignment))


def test_worklist_gave_the_selections_order(product: Product, project: str) -> None:
    statement = (
        "SELECT a.priority FROM annotations_reading r JOIN annotations_assignment a ON a.id = r.assignment_id "
        "JOIN annotations_user u ON u.id = r.reader_id WHERE u.username = %s ORDER BY r.submitted_at"
    )
    for username in ("rina", "paul"):
        order = [priority for (priority,) in product.rows(statement, username)]
        assert order == sorted(order)


def test_manager_sees_counters_that_agree_with_the_database(product: Product, project: str, browser: Browser) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mona")
    page.goto(f"/projects/{project}/")
    for figure, expected in [("images_read", BATCH), ("images_left", 0), ("assignments_done", 2 * BATCH)]:
        expect(page.locator(f'[data-figure="{figure}"]')).to_have_text(str(expected))
    for username in ("rina", "paul"):
        expect(page.locator(f'[data-reader="{username}"]')).to_have_text(str(BATCH))
    expect(page.get_by_text("Krippendorff")).to_be_visible()
    check(page, "project-progress")


def test_ml_engineer_fine_tunes_compares_and_promotes(product: Product, project: str, browser: Browser) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mike")
    page.goto(f"/projects/{project}/models/")
    page.get_by_role("button", name="Fine-tune on the scores so far").click()
    expect(page).to_have_url(re.compile(r"/runs/"))
    check(page, "run-live")
    expect(page.get_by_role("heading", name=re.compile("^Gate"))).to_be_visible(timeout=LONG)
    check(page, "run-report-top")
    keep_whole(page, "run-report")
    expect(page.get_by_role("heading", name="Gate: passed")).to_be_visible()
    page.get_by_role("button", name="Promote version 2").click()
    expect(page.get_by_text("Version 2 is in production")).to_be_visible()
    check(page, "models-promoted")
    stages = dict(
        product.rows("SELECT number, stage FROM inference_modelversion WHERE project_id = " + PROJECT, project)
    )
    assert stages == {1: "retired", 2: "production"}


def keep_whole(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 2600})
    check(page, name)
    page.set_viewport_size({"width": 1440, "height": 900})


def test_new_version_scores_every_image_and_the_old_predictions_stay(product: Product, project: str) -> None:
    images = product.value(IMAGES, project)
    eventually(lambda: product.value(PREDICTIONS, project, 2) == images, seconds=180, what="predictions of version 2")
    assert product.value(PREDICTIONS, project, 1) == images


def test_rolling_back_is_one_click(product: Product, project: str, browser: Browser) -> None:
    page = open_page(browser, product.address)
    sign_in(page, "mike")
    page.goto(f"/projects/{project}/models/")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Version 1 is in production again")).to_be_visible()
    check(page, "models-rolled-back")


PROJECT = "(SELECT id FROM annotations_project WHERE slug = %s)"
ASSIGNMENTS = "SELECT count(*) FROM annotations_assignment WHERE project_id = " + PROJECT
READINGS_BY = (
    "SELECT count(*) FROM annotations_reading r JOIN annotations_user u ON u.id = reader_id WHERE username = %s"
)
STAGES = "SELECT number, stage FROM inference_modelversion WHERE project_id = " + PROJECT
IMAGES = "SELECT count(*) FROM annotations_projectimage WHERE project_id = " + PROJECT
PREDICTIONS = (
    "SELECT count(*) FROM inference_prediction p JOIN inference_modelversion v ON v.id = p.model_version_id "
    "WHERE p.project_id = " + PROJECT + " AND v.number = %s"
)
