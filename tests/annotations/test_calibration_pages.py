"""Managers: which Images every reader is given, and how the readers compare on them."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Membership, Project, ProjectImage, Role, User
from annotations.services.anchor_images import set_anchor_image
from tests.factories import make_image, make_member, make_project, make_reading

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]


def calibrating(project: Project) -> set[int]:
    return set(ProjectImage.objects.calibrating().filter(project=project).values_list("image", flat=True))


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def manager(project: Project, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(make_member(project, Role.MANAGER))


def test_cases_are_added_and_taken_out(project: Project, manager: Client) -> None:
    image, other = make_image(project), make_image(project)
    address = f"/projects/{project.slug}/calibration/"
    assert "None yet" in manager.get(address).content.decode()
    added = manager.post(f"{address}add/", {"image": image.pk}, follow=True)
    assert "Added." in added.content.decode()
    assert calibrating(project) == {image.pk}
    offered = manager.get(f"{address}add/").context["page"]
    assert [one.pk for one in offered] == [other.pk]
    assert "Taken out." in manager.post(f"{address}{image.pk}/remove/", follow=True).content.decode()
    assert calibrating(project) == set()


@pytest.mark.parametrize("image", ["", "x", "-1", "9" * 30, "9" * 5000, "other"])
def test_what_is_no_case_of_the_project_is_refused(project: Project, manager: Client, image: str) -> None:
    sent = str(make_image(make_project()).pk) if image == "other" else image
    answer = manager.post(f"/projects/{project.slug}/calibration/add/", {"image": sent}, follow=True)
    assert answer.status_code == 200
    assert "no such image" in answer.content.decode()
    assert not ProjectImage.objects.filter(is_calibration=True).exists()


def test_anchor_image_can_be_no_calibration_case(project: Project, manager: Client) -> None:
    anchor = make_image(project)
    criterion = project.rubrics.get().criteria.get()
    set_anchor_image(criterion=criterion, value=2, image_id=anchor.pk, now=timezone.now())
    manager.post(f"/projects/{project.slug}/calibration/add/", {"image": anchor.pk})
    assert calibrating(project) == set()


def test_page_tells_how_far_each_is_read_and_how_the_readers_compare(project: Project, manager: Client) -> None:
    image, elsewhere = make_image(project), make_image(project)
    first, second = (make_member(project, Role.READER) for _ in range(2))
    make_member(project, Role.READER)
    ProjectImage.objects.filter(image=image).update(is_calibration=True)
    for reader, value in ((first, 1.0), (second, 4.0)):
        make_reading(project, image, reader, {"overall": value})
        make_reading(project, elsewhere, reader, {"overall": 2.0})
    page = manager.get(f"/projects/{project.slug}/calibration/")
    (figure,) = page.context["agreement"]
    assert {one.username: one.offset for one in figure.by_reader} == {first.username: -3.0, second.username: 3.0}
    assert "Read by 2 of 3" in page.content.decode()


def test_manager_who_is_to_read_a_case_is_not_told_what_others_said(
    project: Project, browser_of: Callable[[User], Client]
) -> None:
    image, manager = make_image(project), make_member(project, Role.MANAGER, Role.READER)
    ProjectImage.objects.filter(image=image).update(is_calibration=True)
    for value in (1.0, 4.0):
        make_reading(project, image, make_member(project, Role.READER), {"overall": value})
    browser = browser_of(manager)
    (figure,) = browser.get(f"/projects/{project.slug}/calibration/").context["agreement"]
    assert (figure.image_count, figure.by_reader) == (0, [])
    Membership.objects.filter(user=manager, role=Role.READER).delete()
    (figure,) = browser.get(f"/projects/{project.slug}/calibration/").context["agreement"]
    assert figure.image_count == 1


def test_progress_page_tells_a_manager_nothing_of_an_image_that_they_have_still_to_read_elsewhere(
    project: Project, browser_of: Callable[[User], Client]
) -> None:
    image, manager = make_image(project), make_member(project, Role.MANAGER, Role.READER)
    make_reading(project, image, make_member(project, Role.READER), {"overall": 4.0})
    make_reading(project, image, manager, {"overall": 1.0})
    browser = browser_of(manager)
    (figure,) = browser.get(f"/projects/{project.slug}/").context["agreement"]
    assert {one.username: one.offset for one in figure.by_reader}[manager.username] == -3.0
    elsewhere = make_project()
    Membership.objects.create(project=elsewhere, user=manager, role=Role.READER)
    ProjectImage.objects.create(project=elsewhere, image=image)
    (figure,) = browser.get(f"/projects/{project.slug}/").context["agreement"]
    assert [(one.username, one.offset) for one in figure.by_reader] == [(manager.username, None)]
    told = browser.get(f"/api/v1/projects/{project.slug}/progress/").json()["agreement"]
    assert [one["offset"] for one in told[0]["by_reader"]] == [None]


def test_repeats_are_set_within_their_bounds(project: Project, manager: Client) -> None:
    form = {"name": "x", "arm": "blind", "display_check_policy": "none", "repeat_share": "0.1", "repeat_distance": "15"}
    address = f"/projects/{project.slug}/settings/"
    assert manager.post(address, form).status_code == 302
    project.refresh_from_db()
    assert (project.repeat_share, project.repeat_distance) == (0.1, 15)
    for wrong in ({"repeat_share": "0.6"}, {"repeat_share": "nan"}, {"repeat_distance": "0"}, {"repeat_share": ""}):
        assert manager.post(address, form | wrong).status_code == 200
    project.refresh_from_db()
    assert (project.repeat_share, project.repeat_distance) == (0.1, 15)
