"""Managers: the Readings with what was on the screen, and the settings of a Project."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Arm, DisplayCheckPolicy, Membership, Reading, Role, User
from annotations.services.display_checks import FIELDS, PatternAnswer, Screen, record_display_check
from annotations.services.readings import submit_reading
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]


def test_readings_lead_to_what_was_on_the_screen(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    image, first, second = make_image(project), make_member(project, Role.READER), make_member(project, Role.READER)
    ours = [make_reading(project, image, first), make_reading(project, image, second)]
    elsewhere = make_project()
    make_reading(elsewhere, make_image(elsewhere), make_member(elsewhere, Role.READER))
    browser = browser_of(make_member(project, Role.MANAGER))
    page = browser.get(f"/projects/{project.slug}/readings/")
    assert {one.pk for one in page.context["page"]} == {one.pk for one in ours}
    assert f"/readings/{ours[0].pk}/display/" in page.content.decode()
    of_one = browser.get(f"/projects/{project.slug}/readings/", {"reader": first.username})
    assert [one.pk for one in of_one.context["page"]] == [ours[0].pk]


def test_manager_who_reads_sees_no_reading_of_what_they_are_to_read(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    make_reading(project, make_image(project), make_member(project, Role.READER))
    manager = make_member(project, Role.MANAGER)
    Membership.objects.create(project=project, user=manager, role=Role.READER)
    page = browser_of(manager).get(f"/projects/{project.slug}/readings/")
    assert list(page.context["page"]) == []
    assert "Nothing to see yet" in page.content.decode()


def submitted_with(display_state: dict[str, object]) -> tuple[Reading, User]:
    project = make_project()
    make_assignment(project)
    reader = make_member(project, Role.READER)
    (assignment,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    submission = make_submission(project, display_state=display_state)
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    return reading, make_member(project, Role.MANAGER)


def test_notices_are_shown_in_words_and_what_a_client_made_up_is_not(browser_of: Callable[[User], Client]) -> None:
    reading, manager = submitted_with({"notices": ["failed_check", "<b>made up</b>", 7]})
    assert reading.display_notices == ["a screen that did not pass its test"]
    page = browser_of(manager).get(f"/projects/{reading.project.slug}/readings/").content.decode()
    assert "did not pass its test" in page
    assert "made up" not in page


@pytest.mark.parametrize("state", [{"notices": "failed_check"}, {"notices": None}, {"display_check": [1]}, {}])
def test_display_state_of_another_shape_breaks_no_page(
    browser_of: Callable[[User], Client], state: dict[str, object]
) -> None:
    reading, manager = submitted_with(state)
    assert reading.display_notices == []
    browser = browser_of(manager)
    assert browser.get(f"/projects/{reading.project.slug}/readings/").status_code == 200
    assert browser.get(f"/readings/{reading.pk}/display/").status_code == 200


def test_replay_names_the_test_of_the_screen_of_the_reader_only(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    make_assignment(project)
    reader = make_member(project, Role.READER)

    def check_of(user: User) -> str:
        said = [PatternAnswer(number, "up", "up") for number in range(len(FIELDS))]
        screen = Screen(1920, 1080, 1)
        made = record_display_check(
            user=user, device=uuid.uuid4(), screen=screen, answers=said, seconds=30, now=timezone.now()
        )
        return str(made.pk)

    (assignment,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    submission = make_submission(project, display_state={"display_check": check_of(reader)})
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    browser = browser_of(make_member(project, Role.MANAGER))
    page = browser.get(f"/readings/{reading.pk}/display/")
    assert page.context["check"].user == reader
    assert "Last test of this screen" in page.content.decode()
    stranger = check_of(make_member(project, Role.READER))
    other, manager = submitted_with({"display_check": stranger})
    assert browser_of(manager).get(f"/readings/{other.pk}/display/").context["check"] is None


def test_settings_are_stored_and_what_cannot_be_is_refused(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    browser = browser_of(make_member(project, Role.MANAGER))
    url = f"/projects/{project.slug}/settings/"
    fields = {
        "name": "Dose",
        "description": "",
        "arm": "training",
        "display_check_policy": "daily",
        "repeat_share": 0,
        "repeat_distance": 20,
    }
    assert browser.post(url, fields).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.arm, project.display_check_policy) == ("Dose", Arm.TRAINING, DisplayCheckPolicy.DAILY)
    assert browser.post(url, fields | {"display_check_policy": "hourly"}).status_code == 200
    project.refresh_from_db()
    assert project.display_check_policy == DisplayCheckPolicy.DAILY
    assert browser.get(url).status_code == 200
