"""What was on a reader's screen: for themselves, and for whom blinding lets see the Reading."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Membership, Role, User
from annotations.services.readings import submit_reading
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]


def test_manager_and_the_reader_see_it_and_colleagues_do_not(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    reading = make_reading(project, make_image(project), reader)
    people = {
        "reader": reader,
        "manager": make_member(project, Role.MANAGER),
        "colleague": make_member(project, Role.READER),
        "stranger": make_member(make_project(), Role.MANAGER),
    }
    path = f"/readings/{reading.pk}/display/"
    seen = {name: browser_of(user).get(path).status_code for name, user in people.items()}
    assert seen == {"reader": 200, "manager": 200, "colleague": 404, "stranger": 404}


def test_manager_who_has_yet_to_read_the_image_does_not_see_it(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    reading = make_reading(project, make_image(project), make_member(project, Role.READER))
    manager = make_member(project, Role.MANAGER)
    Membership.objects.create(project=project, user=manager, role=Role.READER)
    assert browser_of(manager).get(f"/readings/{reading.pk}/display/").status_code == 404


def test_replay_says_what_was_looked_at_beside_the_case(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    reader, manager = make_member(project, Role.READER), make_member(project, Role.MANAGER)
    anchor = {"kind": "anchor", "image": 7, "criterion": "overall", "value": 2, "is_shown": True}
    for compared, said in (([anchor], True), ("anchor", False), ([["anchor"], 3, {"kind": "other"}], False)):
        assignment = make_assignment(project)
        lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
        submission = make_submission(project, display_state={"compared": compared})
        reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
        page = browser_of(manager).get(f"/readings/{reading.pk}/display/").content.decode()
        assert ("the anchor image of level 2" in page) == said, compared


@pytest.mark.parametrize(
    ("planes", "said"),
    [
        ({"column": 24, "row": 32, "is_shown": True}, "crossing last at column 24, row 32."),
        ({"column": 24, "row": 32, "is_shown": True}, "They were still open at submission."),
        ({"column": "<b>", "row": 1}, None),
        ([24, 32], None),
    ],
)
def test_replay_says_where_three_planes_crossed(
    browser_of: Callable[[User], Client], planes: object, said: str | None
) -> None:
    project = make_project()
    reader, manager = make_member(project, Role.READER), make_member(project, Role.MANAGER)
    assignment = make_assignment(project)
    lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    submission = make_submission(project, display_state={"planes": planes})
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    page = browser_of(manager).get(f"/readings/{reading.pk}/display/").content.decode()
    assert said in page if said else "Three planes" not in page
