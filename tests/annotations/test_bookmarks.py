"""Bookmarks: a reader's own, of Images that they had before them."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.models import Bookmark, Image, Membership, Project, Role, User
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_reading

pytestmark = pytest.mark.django_db


def url(project: Project, image: Image | None = None) -> str:
    return f"/api/v1/projects/{project.slug}/bookmarks/" + (f"{image.pk}/" if image else "")


def test_case_in_hand_is_bookmarked_once_listed_and_removed(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    image = make_assignment(project).image
    lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    client = api(reader)
    assert [client.put(url(project, image)).status_code for _ in range(2)] == [204, 204]
    (listed,) = client.get(url(project)).json()
    assert (listed["image"], listed["title"], listed["is_read"]) == (image.pk, "CT", False)
    assert [client.delete(url(project, image)).status_code for _ in range(2)] == [204, 204]
    assert client.get(url(project)).json() == []


def test_read_case_stays_bookmarked(api: Callable[[User], APIClient], project: Project, reader: User) -> None:
    image = make_image(project)
    make_reading(project, image, reader)
    api(reader).put(url(project, image))
    assert api(reader).get(url(project)).json()[0]["is_read"] is True


def test_image_that_one_never_had_cannot_be_bookmarked(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    never_had = [make_assignment(project).image, make_image(project), make_image()]
    assert [api(reader).put(url(project, image)).status_code for image in never_had] == [404] * 3
    assert not Bookmark.objects.exists()


def test_nobody_sees_or_removes_anothers_bookmark(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    image = make_image(project)
    make_reading(project, image, reader)
    api(reader).put(url(project, image))
    colleague = make_member(project, Role.READER, Role.MANAGER)
    assert api(colleague).get(url(project)).json() == []
    api(colleague).delete(url(project, image))
    assert Bookmark.objects.count() == 1
    Membership.objects.filter(user=reader).delete()
    assert not Bookmark.objects.visible_to(reader).exists()
