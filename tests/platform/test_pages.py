"""Small things that pages say, and what the administration lists."""

from collections.abc import Callable

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import timezone
from django_vite.core.asset_loader import DjangoViteAssetLoader
from knox.models import AuthToken

from annotations.models import Job, JobKind, JobState, Role, User
from inference.models import FineTuneRun, LabelSnapshot, ModelVersion
from tests.factories import make_image, make_member, make_project, make_user

pytestmark = pytest.mark.django_db

CHECKPOINT = dict.fromkeys(("weights_name", "document_name", "sha256", "features_version"), "0" * 64)


def test_browsers_find_the_icon_on_pages_that_name_none() -> None:
    address = Client().get("/favicon.ico").headers["Location"]
    assert finders.find(address.removeprefix("/static/"))


def test_a_token_without_an_end_is_valid_until_it_is_revoked(browser_of: Callable[[User], Client]) -> None:
    user = make_user()
    AuthToken.objects.create(user=user, expiry=None)
    assert b"you revoke it" in browser_of(user).get("/settings/tokens/").content


@pytest.mark.parametrize(("state", "is_shown"), [(JobState.QUEUED, False), (JobState.SUCCEEDED, True)])
def test_heading_of_a_run_has_its_state_once_it_is_final(
    state: JobState, is_shown: bool, browser_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotations.bundle.is_built", lambda: True)
    monkeypatch.setattr(DjangoViteAssetLoader, "generate_vite_asset", lambda *_, **__: "")
    project = make_project()
    rubric = project.rubrics.get()
    job = Job.objects.create(
        project=project,
        kind=JobKind.FINE_TUNE,
        state=state,
        finished_at=timezone.now() if is_shown else None,
    )
    run = FineTuneRun.objects.create(
        project=project,
        job=job,
        snapshot=LabelSnapshot.objects.create(project=project, rubric=rubric, sha256="0" * 64),
        parent=ModelVersion.objects.create(project=project, rubric=rubric, number=1, **CHECKPOINT),
        seed=0,
    )
    page = browser_of(make_member(project, Role.MANAGER)).get(f"/projects/{project.slug}/runs/{run.pk}/")
    assert ('class="tag' in page.content.decode()) is is_shown


@pytest.mark.parametrize("name", ["study", "series", "instance", "image"])
def test_administration_lists_what_finds_a_row_and_no_patient(name: str, browser_of: Callable[[User], Client]) -> None:
    image = make_image(make_project(), patient_key="SECRET-PATIENT")
    client = browser_of(User.objects.create_superuser("root", password="a long password"))
    found = client.get(f"/admin/annotations/{name}/", {"q": image.series.series_instance_uid[:5]})
    assert found.status_code == 200
    assert len(found.context["cl"].list_display) >= 3
    assert b"SECRET-PATIENT" not in found.content


def test_administration_lists_no_images_by_what_the_model_says(browser_of: Callable[[User], Client]) -> None:
    make_image(make_project())
    client = browser_of(User.objects.create_superuser("root", password="a long password"))
    for asked in ("predictions__ood_distance__gt", "assignments__purpose", "readings__scores__value"):
        assert client.get("/admin/annotations/image/", {asked: "1"}).status_code in (302, 400), asked
