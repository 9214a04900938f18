"""What was on a reader's screen: for themselves, and for whom blinding lets see the Reading."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotations.models import Membership, Role, User
from tests.factories import make_image, make_member, make_project, make_reading

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
