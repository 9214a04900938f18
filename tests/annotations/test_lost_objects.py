"""Objects that the storage has lost: said clearly, and brought back by ingesting the file again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from annotations.models import Instance, Project, Role, User
from annotations.services.ingestion import ingest_sources
from annotations.services.objects import ObjectMissing, get_object
from tests.annotations.sent_files import ct_volume, sources
from tests.factories import make_member, make_project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


@pytest.fixture
def project() -> Project:
    project = make_project()
    ingest_sources(project=project, sources=sources(ct_volume(2)))
    return project


@pytest.mark.parametrize("name", ["original_name", "frame"])
def test_a_lost_object_is_stored_again_by_another_ingest(project: Project, name: str) -> None:
    instance = Instance.objects.order_by("pk")[1]
    lost = instance.original_name if name == "original_name" else instance.frame_name(1)
    content = get_object(lost)
    default_storage.delete(lost)
    summary = ingest_sources(project=project, sources=sources(ct_volume(2)))
    assert get_object(lost) == content
    assert (summary.instances.new, summary.instances.already_there, summary.refused) == (0, 2, 0)
    assert Instance.objects.count() == 2


@pytest.mark.parametrize("resource", ["frames/1", "rendered", "thumbnail"])
def test_dicomweb_says_that_a_stored_object_is_missing(
    project: Project, resource: str, api: Callable[[User], APIClient]
) -> None:
    instance = Instance.objects.select_related("series__study").order_by("pk")[1]
    default_storage.delete(instance.frame_name(1))
    series = instance.series
    path = f"studies/{series.study.study_instance_uid}/series/{series.series_instance_uid}"
    client = api(make_member(project, Role.READER))
    client.raise_request_exception = False
    response = client.get(f"/dicomweb/{path}/instances/{instance.sop_instance_uid}/{resource}")
    assert response.status_code == 503
    assert response.json()["errors"][0]["code"] == "object_missing"


def test_a_missing_object_is_a_missing_file(objects: Path) -> None:
    with pytest.raises(ObjectMissing):
        get_object("frames/none")
