"""Bookmarks: a reader's own, of cases that they had before them."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.models import Assignment, Bookmark, Membership, Project, Purpose, Role, User
from annotations.services.readings import submit_reading
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_submission

pytestmark = pytest.mark.django_db


def url(project: Project, assignment: Assignment | None = None) -> str:
    return f"/api/v1/projects/{project.slug}/bookmarks/" + (f"{assignment.pk}/" if assignment else "")


def test_case_in_hand_is_bookmarked_once_listed_and_removed(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    case = make_assignment(project)
    lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    client = api(reader)
    assert [client.put(url(project, case)).status_code for _ in range(2)] == [204, 204]
    (listed,) = client.get(url(project)).json()
    assert (listed["assignment"], listed["title"], listed["is_read"]) == (str(case.pk), "CT", False)
    assert [client.delete(url(project, case)).status_code for _ in range(2)] == [204, 204]
    assert client.get(url(project)).json() == []


def test_read_case_stays_bookmarked(api: Callable[[User], APIClient], project: Project, reader: User) -> None:
    reading = make_reading(project, make_image(project), reader)
    api(reader).put(url(project, reading.assignment))
    assert api(reader).get(url(project)).json()[0]["is_read"] is True


def test_repeat_of_a_bookmarked_case_has_no_bookmark(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    first = make_reading(project, make_image(project), reader).assignment
    repeat = make_assignment(project, first.image, purpose=Purpose.REPEAT, reader=reader)
    api(reader).put(url(project, first))
    assert [one["assignment"] for one in api(reader).get(url(project)).json()] == [str(first.pk)]
    api(reader).put(url(project, repeat))
    assert [one["is_read"] for one in api(reader).get(url(project)).json()] == [False, True]


def test_case_that_one_had_and_lost_can_be_bookmarked(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    case = make_assignment(project)
    case.previous_readers.add(reader)
    assert api(reader).put(url(project, case)).status_code == 204


def test_bookmark_of_a_case_that_was_lost_and_sent_late_says_that_it_was_read(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    case = make_assignment(project, reader=make_member(project, Role.READER))
    case.previous_readers.add(reader)
    api(reader).put(url(project, case))
    submit_reading(assignment=case, reader=reader, submission=make_submission(project), now=timezone.now())
    assert api(reader).get(url(project)).json()[0]["is_read"] is True


def test_case_that_one_never_had_cannot_be_bookmarked(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    other = make_assignment(make_project())
    never_had = [make_assignment(project), make_assignment(project), other]
    assert [api(reader).put(url(project, case)).status_code for case in never_had] == [404] * 3
    assert not Bookmark.objects.exists()


def test_nobody_sees_or_removes_anothers_bookmark(
    api: Callable[[User], APIClient], project: Project, reader: User
) -> None:
    case = make_reading(project, make_image(project), reader).assignment
    api(reader).put(url(project, case))
    colleague = make_member(project, Role.READER, Role.MANAGER)
    assert api(colleague).get(url(project)).json() == []
    api(colleague).delete(url(project, case))
    assert Bookmark.objects.count() == 1
    Membership.objects.filter(user=reader).delete()
    assert not Bookmark.objects.visible_to(reader).exists()
