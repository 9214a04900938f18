"""What was on a reader's screen: for themselves, and for whom blinding lets see the Reading."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import (
    AnchorImage,
    Criterion,
    Image,
    Membership,
    Project,
    ProjectImage,
    Purpose,
    Reading,
    Role,
    User,
)
from annotations.services.anchor_images import remove_anchor_image, set_anchor_image
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


HIDDEN, AS_IT_OPENS = "It is not drawn", "How it stood there was not stored"


def compared_with(project: Project, reader: User, *compared: object, **case: Any) -> Reading:
    """A Reading of a case of the patient's in 2024, submitted with these beside it."""
    image = make_image(project, **({"patient_key": "patient", "study_date": date(2024, 1, 1)} | case))
    assignment = make_assignment(project, image)
    assignment.reader, assignment.leased_at, assignment.lease_expires_at = reader, timezone.now(), timezone.now()
    assignment.save()
    submission = make_submission(project, display_state={"slice_index": 0, "compared": list(compared)})
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    return reading


def prior_in(project: Project, patient_key: str = "patient") -> Image:
    return make_image(project, patient_key=patient_key, study_date=date(2020, 1, 1))


def anchor_in(project: Project) -> AnchorImage:
    criterion = Criterion.objects.get(rubric__project=project)
    image = make_image(project)
    return set_anchor_image(criterion=criterion, value=2, image_id=image.pk, now=timezone.now())


def of_anchor(anchor: AnchorImage, **more: object) -> dict[str, object]:
    said = {"kind": "anchor", "image": anchor.image_id, "criterion": "overall", "value": 2, "is_shown": True}
    return said | more


def of_prior(image: object, **more: object) -> dict[str, object]:
    return {"kind": "prior", "image": image, "is_shown": True} | more


def drawn(browser: Client, reading: Reading) -> tuple[int | None, str]:
    """Which Image the page draws beside the case, and what it says; it names no other."""
    page = browser.get(f"/readings/{reading.pk}/display/")
    assert page.status_code == 200
    assert "compared" not in page.context["config"]["display_state"]
    beside = page.context["config"]["beside"]
    return beside and beside["image"]["id"], page.content.decode()


def test_replay_draws_what_lay_beside_the_case(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    reader, browser = make_member(project, Role.READER), browser_of(make_member(project, Role.MANAGER))
    anchor, prior = anchor_in(project), prior_in(project)
    display = {"slice_index": 3, "is_linked": False}
    reading = compared_with(project, reader, of_anchor(anchor, is_shown=False), of_prior(prior.pk, display=display))
    image, page = drawn(browser, reading)
    assert image == prior.pk
    assert HIDDEN not in page
    assert AS_IT_OPENS not in page
    config = browser.get(f"/readings/{reading.pk}/display/").context["config"]["beside"]
    assert (config["kind"], config["date"], config["display"]) == ("prior", date(2020, 1, 1), display)
    image, page = drawn(browser, compared_with(project, reader, of_anchor(anchor)))
    assert image == anchor.image_id
    assert AS_IT_OPENS in page
    image, page = drawn(browser, compared_with(project, reader, of_anchor(anchor, is_shown=False)))
    assert image is None
    assert HIDDEN not in page


def test_anchor_that_was_taken_away_is_drawn_and_one_that_is_gone_is_told(
    browser_of: Callable[[User], Client],
) -> None:
    project = make_project()
    reader, browser = make_member(project, Role.READER), browser_of(make_member(project, Role.MANAGER))
    anchor = anchor_in(project)
    reading = compared_with(project, reader, of_anchor(anchor))
    remove_anchor_image(anchor=anchor, now=timezone.now())
    assert drawn(browser, reading)[0] == anchor.image_id
    anchor.delete()
    image, page = drawn(browser, reading)
    assert image is None
    assert HIDDEN in page
    assert "the anchor image of level 2" in page


def test_anchor_is_hidden_from_a_manager_who_is_to_judge_it_elsewhere(browser_of: Callable[[User], Client]) -> None:
    project, elsewhere = make_project(), make_project()
    manager, anchor = make_member(project, Role.MANAGER), anchor_in(project)
    reading = compared_with(project, make_member(project, Role.READER), of_anchor(anchor))
    ProjectImage.objects.create(project=elsewhere, image=anchor.image)
    Membership.objects.create(project=elsewhere, user=manager, role=Role.READER)
    image, page = drawn(browser_of(manager), reading)
    assert image is None
    assert HIDDEN in page
    uid = anchor.image.slices.get().instance.sop_instance_uid
    assert uid not in page
    make_reading(elsewhere, anchor.image, manager)
    image, page = drawn(browser_of(manager), reading)
    assert image == anchor.image_id
    assert uid in page


def test_earlier_image_is_hidden_from_who_has_still_to_read_it(browser_of: Callable[[User], Client]) -> None:
    project, elsewhere = make_project(), make_project()
    manager, reader = make_member(project, Role.MANAGER), make_member(project, Role.READER)
    prior = prior_in(project)
    make_reading(project, prior, reader)
    reading = compared_with(project, reader, of_prior(prior.pk))
    browsers = [browser_of(manager), browser_of(reader)]
    assert [drawn(browser, reading)[0] for browser in browsers] == [prior.pk, prior.pk]
    ProjectImage.objects.create(project=elsewhere, image=prior)
    Membership.objects.create(project=elsewhere, user=manager, role=Role.READER)
    make_assignment(project, prior, slot=2, purpose=Purpose.REPEAT, reader=reader)
    for browser in browsers:
        image, page = drawn(browser, reading)
        assert image is None
        assert HIDDEN in page
        assert prior.slices.get().instance.sop_instance_uid not in page


def test_nothing_is_drawn_that_a_client_only_says_it_was(browser_of: Callable[[User], Client]) -> None:
    project, other = make_project(), make_project()
    reader, manager = make_member(project, Role.READER), make_member(project, Role.MANAGER)
    Membership.objects.create(project=other, user=manager, role=Role.MANAGER)
    anchor, later = anchor_in(project), make_image(project, patient_key="patient", study_date=date(2025, 1, 1))
    elsewhere, stranger = prior_in(other), prior_in(project, "another patient")
    made_up = [
        *(of_prior(image) for image in (elsewhere.pk, stranger.pk, later.pk, 10**30, -1, True, None, "1", [1])),
        *(of_anchor(anchor, **wrong) for wrong in ({"value": 3}, {"criterion": ["?"]}, {"image": later.pk})),
        of_anchor(anchor_in(other)),
    ]
    for said in made_up:
        image, page = drawn(browser_of(manager), compared_with(project, reader, said))
        assert image is None, said
        assert HIDDEN in page, said
    undated = compared_with(project, reader, of_prior(prior_in(project).pk), study_date=None)
    assert drawn(browser_of(manager), undated)[0] is None
    odd = compared_with(project, reader, of_prior(prior_in(project).pk, display="?"))
    assert AS_IT_OPENS in drawn(browser_of(manager), odd)[1]


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
