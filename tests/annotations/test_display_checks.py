"""The test of a screen: what is stored of it, and how a Project asks for it before it hands out cases."""

import uuid
from collections.abc import Callable, Set
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotations.errors import DisplayCheckNeeded
from annotations.models import DisplayCheck, DisplayCheckPolicy, Project, Role, User
from annotations.services.display_checks import (
    FIELDS,
    PatternAnswer,
    Screen,
    record_display_check,
    require_display_check,
)
from annotations.services.readings import submit_reading
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_project, make_submission, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]
PAGE, API = "/display-check/", "/api/v1/display-checks/"
SCREEN = Screen(2560, 1440, 1.5)


def answers(*, missed: Set[int] = frozenset()) -> list[dict[str, Any]]:
    return [{"field": n, "shown": "up", "seen": "" if n in missed else "up"} for n in range(len(FIELDS))]


def body(sent: list[dict[str, Any]]) -> dict[str, Any]:
    return {"answers": sent, "columns": 2560, "rows": 1440, "device_pixel_ratio": 1.5, "seconds": 41.5}


def post(browser: Client, sent: list[dict[str, Any]]) -> Any:
    return browser.post(API, body(sent), content_type="application/json")


def check(user: User, device: uuid.UUID, now: datetime, *, missed: Set[int] = frozenset()) -> DisplayCheck:
    said = [PatternAnswer(**answer) for answer in answers(missed=missed)]
    return record_display_check(user=user, device=device, screen=SCREEN, answers=said, seconds=40, now=now)


def test_answers_are_stored_in_full_for_the_browser_they_were_given_in(browser_of: Callable[[User], Client]) -> None:
    user = make_user()
    browser = browser_of(user)
    browser.get(PAGE)
    assert post(browser, answers()).status_code == 201
    stored = DisplayCheck.objects.get()
    assert (stored.user, stored.has_passed, stored.columns, stored.rows) == (user, True, 2560, 1440)
    assert stored.answers[0] == {
        "kind": "grey",
        "background": 0,
        "contrast": 13,
        "is_needed": True,
        "shown": "up",
        "seen": "up",
    }
    assert [one["id"] for one in browser.get(API).json()] == [str(stored.pk)]
    assert browser_of(user).get(API).json() == []  # another browser
    assert browser_of(make_user()).get(API).json() == []


@pytest.mark.parametrize("field", range(len(FIELDS)))
def test_each_needed_field_decides_and_the_others_do_not(field: int) -> None:
    stored = check(make_user(), uuid.uuid4(), timezone.now(), missed={field})
    assert stored.has_passed == (not FIELDS[field].is_needed)


def test_there_are_fields_of_both_kinds_that_are_needed() -> None:
    needed = [field for field in FIELDS if field.is_needed]
    assert {field.kind for field in needed} == {"grey", "lines"}
    assert {0, 255} <= {field.background for field in needed if field.kind == "grey"}
    assert all(0 <= field.background + field.contrast <= 255 for field in FIELDS)


@pytest.mark.parametrize("sent", [answers()[1:], answers() + answers()[:1], []])
def test_half_a_test_is_no_test(browser_of: Callable[[User], Client], sent: list[dict[str, Any]]) -> None:
    browser = browser_of(make_user())
    browser.get(PAGE)
    answer = post(browser, sent)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_pattern_field")
    assert not DisplayCheck.objects.exists()


@pytest.mark.parametrize("wrong", [{"seen": "north"}, {"shown": ""}, {"field": 99}, {"field": "\x00"}])
def test_nonsense_is_refused(browser_of: Callable[[User], Client], wrong: dict[str, Any]) -> None:
    browser = browser_of(make_user())
    browser.get(PAGE)
    sent = answers()
    sent[0] |= wrong
    assert post(browser, sent).status_code == 400
    assert not DisplayCheck.objects.exists()


def test_browser_without_a_name_is_told_what_to_do(browser_of: Callable[[User], Client]) -> None:
    browser = browser_of(make_user())
    answer = post(browser, answers())
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_screen")


def test_name_of_the_browser_cannot_be_made_up_and_is_no_script_s_business(
    browser_of: Callable[[User], Client],
) -> None:
    browser = browser_of(make_user())
    cookie = browser.get(PAGE).cookies["mediqa_device"]
    assert cookie["httponly"]
    browser.cookies["mediqa_device"] = str(uuid.uuid4())
    assert post(browser, answers()).json()["errors"][0]["code"] == "unknown_screen"


def readers_project(policy: DisplayCheckPolicy) -> tuple[Project, User]:
    project = make_project(display_check_policy=policy)
    make_assignment(project)
    return project, make_member(project, Role.READER)


def worklist(browser: Client, project: Project) -> Any:
    return browser.post(f"/api/v1/projects/{project.slug}/worklist/", {"count": 1}, content_type="application/json")


def test_project_that_asks_for_nothing_hands_out_cases_at_once(browser_of: Callable[[User], Client]) -> None:
    project, reader = readers_project(DisplayCheckPolicy.NONE)
    assert len(worklist(browser_of(reader), project).json()["cases"]) == 1


def test_daily_test_comes_before_the_first_case(browser_of: Callable[[User], Client]) -> None:
    project, reader = readers_project(DisplayCheckPolicy.DAILY)
    browser = browser_of(reader)
    page = browser.get(f"/projects/{project.slug}/read/")
    assert (page.status_code, page.url) == (302, f"{PAGE}?project={project.slug}")
    refused = worklist(browser, project)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "display_check_needed")
    assert project.assignments.get().reader is None
    config = browser.get(page.url).context["config"]
    assert config["next_url"] == f"/projects/{project.slug}/read/"
    post(browser, answers(missed={0}))
    assert len(worklist(browser, project).json()["cases"]) == 1
    read = browser.get(f"/projects/{project.slug}/read/").context["config"]
    assert read["display_check"] == {"id": str(DisplayCheck.objects.get().pk), "has_passed": False}
    assert worklist(browser_of(reader), project).status_code == 409  # on another screen


def test_project_may_ask_for_a_passed_test(browser_of: Callable[[User], Client]) -> None:
    project, reader = readers_project(DisplayCheckPolicy.DAILY_PASSED)
    browser = browser_of(reader)
    browser.get(PAGE)
    post(browser, answers(missed={0}))
    assert worklist(browser, project).json()["errors"][0]["code"] == "display_check_not_passed"
    assert browser.get(f"/projects/{project.slug}/read/").status_code == 302
    post(browser, answers())
    assert worklist(browser, project).status_code == 200


def test_test_holds_for_its_day_its_person_and_its_screen() -> None:
    project, reader = readers_project(DisplayCheckPolicy.DAILY)
    device, noon = uuid.uuid4(), timezone.localtime().replace(hour=12)
    check(reader, device, noon)

    def is_asked_for(user: User, screen: uuid.UUID | None, now: datetime) -> bool:
        try:
            require_display_check(project=project, user=user, device=screen, now=now)
        except DisplayCheckNeeded:
            return True
        return False

    assert not is_asked_for(reader, device, noon + timedelta(hours=11))
    assert is_asked_for(reader, device, noon + timedelta(hours=13))
    assert is_asked_for(make_member(project, Role.READER), device, noon)
    assert is_asked_for(reader, uuid.uuid4(), noon)
    assert is_asked_for(reader, None, noon)


def test_submission_waits_for_no_test() -> None:
    """A case in hand when the day ends is not lost."""
    project, reader = readers_project(DisplayCheckPolicy.DAILY_PASSED)
    (assignment,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    submission = make_submission(project)
    _, is_new = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    assert is_new


def test_page_leads_only_to_projects_that_one_reads_in(browser_of: Callable[[User], Client]) -> None:
    other = make_project("secret")
    make_image(other)
    page = browser_of(make_user()).get(f"{PAGE}?project=secret")
    assert page.context["config"]["next_url"] == "/"
    assert "Secret" not in page.content.decode()
