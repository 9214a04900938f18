"""Feedback after submission: what is told, to whom, and never before. The arm is stored with each Reading."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.models import Arm, Assignment, Image, Membership, Project, ProjectImage, Purpose, Reading, Role, User
from annotations.services.readings import correct_reading, submit_reading
from annotations.services.worklists import lease_assignments
from inference.models import ModelVersion
from inference.pictures import STRONGEST
from tests.factories import make_assignment, make_member, make_project, make_reading, make_submission
from tests.inference.images import baseline
from tests.inference.test_predictions import make_prediction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]
Ask = Callable[[Assignment, User], Any]


@pytest.fixture
def project() -> Project:
    return make_project(criteria=("noise",), arm=Arm.TRAINING, overlap=5)


@pytest.fixture
def version(project: Project) -> ModelVersion:
    return baseline(project)


@pytest.fixture
def reader(project: Project) -> User:
    return make_member(project, Role.READER)


@pytest.fixture
def image(project: Project, version: ModelVersion) -> Image:
    return make_prediction(project, version, 0.0).image


@pytest.fixture
def ask(api: Callable[[User | None], APIClient]) -> Ask:
    def asked(assignment: Assignment, user: User) -> Any:
        return api(user).get(f"/api/v1/assignments/{assignment.pk}/feedback/")

    return asked


def is_refused(answer: Any) -> bool:
    assert answer.status_code in (200, 404, 409), answer.content
    if answer.status_code == 200:
        return False
    assert "2.5" not in answer.content.decode()
    return True


def test_reader_is_told_what_the_model_and_the_others_said(project, image, reader, ask) -> None:
    for value in (2.0, 2.0, 4.0):
        make_reading(project, image, make_member(project, Role.READER), {"noise": value})
    reading = make_reading(project, image, reader, {"noise": 1.0})
    told = ask(reading.assignment, reader).json()
    (criterion,) = told["criteria"]
    assert criterion == {
        "key": "noise",
        "own": 1.0,
        "others": [{"value": 2.0, "count": 2}, {"value": 4.0, "count": 1}],
        "predicted": {"quality": 2.5, "lower": 1.5, "upper": 3.5},
    }
    (fault,) = told["faults"]["seen"]
    assert (fault["words"], round(fault["severity"], 2)) == ("low dose, slight (40 % of the dose)", 0.23)
    assert told["faults"]["absent"] == ["thick slices"]
    (shown,) = told["slices"]
    assert (shown["slice_index"], shown["weight"]) == (0, 1.0)
    strongest = max(shown["patches"], key=lambda one: one["opacity"])
    assert strongest == {"left": 48.0, "top": 0.0, "width": 4.0, "height": 4.0, "opacity": STRONGEST}


def test_colleague_who_read_it_twice_is_told_as_one(project, image, reader, ask) -> None:
    colleague = make_member(project, Role.READER)
    make_reading(project, image, colleague, {"noise": 2.0})
    repeat = make_assignment(project, image, slot=8, purpose=Purpose.REPEAT, reader=colleague)
    submission = make_submission(project, {"noise": 2.0})
    submit_reading(assignment=repeat, reader=colleague, submission=submission, now=timezone.now())
    told = ask(make_reading(project, image, reader, {"noise": 1.0}).assignment, reader).json()
    assert told["criteria"][0]["others"] == [{"value": 2.0, "count": 1}]


def test_nothing_before_submission_and_nothing_for_others(project, image, reader, ask) -> None:
    colleague = make_member(project, Role.READER)
    make_reading(project, image, colleague, {"noise": 2.0})
    assignment = make_assignment(project, image, slot=2)
    lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    assert is_refused(ask(assignment, reader))
    submission = make_submission(project)
    submit_reading(
        assignment=Assignment.objects.get(pk=assignment.pk), reader=reader, submission=submission, now=timezone.now()
    )
    assert not is_refused(ask(assignment, reader))
    assert is_refused(ask(assignment, make_member(project, Role.READER)))
    assert is_refused(ask(assignment, make_member(project, Role.MANAGER)))
    assert is_refused(ask(assignment, make_member(make_project(arm=Arm.TRAINING), Role.READER)))


def test_blind_project_tells_nothing(project, image, reader, ask) -> None:
    reading = make_reading(project, image, reader)
    Project.objects.filter(pk=project.pk).update(arm=Arm.BLIND)
    assert is_refused(ask(reading.assignment, reader))


def test_nothing_while_the_image_is_still_to_be_read_elsewhere(project, image, reader, ask) -> None:
    reading = make_reading(project, image, reader)
    other = make_project(criteria=("noise",))
    ProjectImage.objects.create(project=other, image=image)
    Membership.objects.create(project=other, user=reader, role=Role.READER)
    assert is_refused(ask(reading.assignment, reader))
    make_reading(other, image, reader)
    assert not is_refused(ask(reading.assignment, reader))


def test_nothing_while_a_repeat_waits(project, image, reader, ask) -> None:
    reading = make_reading(project, image, reader)
    repeat = make_assignment(project, image, slot=2, purpose=Purpose.REPEAT, reader=reader)
    assert is_refused(ask(reading.assignment, reader))
    assert is_refused(ask(repeat, reader))


def test_feedback_of_one_image_opens_no_other_door(project, image, reader, api) -> None:
    make_reading(project, image, make_member(project, Role.READER), {"noise": 2.0})
    own = make_reading(project, image, reader)
    client = api(reader)
    assert client.get(f"/api/v1/projects/{project.slug}/predictions/").json()["results"] == []
    assert [one["id"] for one in client.get("/api/v1/readings/").json()["results"]] == [str(own.pk)]


def test_image_that_was_not_scored_has_the_other_readers_alone(project, version, image, reader, ask) -> None:
    reading = make_reading(project, image, reader)
    image.predictions.all().delete()
    told = ask(reading.assignment, reader).json()
    assert (told["model_version"], told["slices"]) == (None, [])
    assert told["faults"] == {"seen": [], "absent": []}
    assert told["criteria"][0]["predicted"] is None


def correct(reading: Reading, reader: User) -> Reading:
    submission = make_submission(reading.project, {"noise": 4.0})
    return correct_reading(reading=reading, reader=reader, submission=submission, now=timezone.now())[0]


@pytest.mark.parametrize(
    ("arm", "first", "corrected"),
    [
        (Arm.BLIND, Arm.BLIND, Arm.BLIND),
        (Arm.TRAINING, Arm.TRAINING, Arm.ASSISTED),
        (Arm.ASSISTED, Arm.TRAINING, Arm.ASSISTED),
    ],
)
def test_arm_says_what_could_have_been_seen(project, image, reader, arm: Arm, first: Arm, corrected: Arm) -> None:
    Project.objects.filter(pk=project.pk).update(arm=arm)
    project.refresh_from_db()
    reading = make_reading(project, image, reader, {"noise": 1.0})
    correction = correct(reading, reader)
    assert (reading.arm, correction.arm) == (first, corrected)
    counted = correction if corrected == Arm.BLIND else reading
    assert list(Reading.objects.counted()) == [counted]


def test_project_that_turns_blind_later_makes_nothing_unseen(project, image, reader) -> None:
    reading = make_reading(project, image, reader)
    Project.objects.filter(pk=project.pk).update(arm=Arm.BLIND)
    assert correct(Reading.objects.get(pk=reading.pk), reader).arm == Arm.ASSISTED


def test_who_was_told_of_an_image_reads_it_no_more_independently(project, image, reader) -> None:
    make_reading(project, image, reader)
    other = make_project(criteria=("noise",))
    ProjectImage.objects.create(project=other, image=image)
    Membership.objects.create(project=other, user=reader, role=Role.READER)
    assert make_reading(other, image, reader).arm == Arm.ASSISTED
    assert make_reading(other, image, make_member(other, Role.READER)).arm == Arm.BLIND
