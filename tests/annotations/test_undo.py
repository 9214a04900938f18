"""Opening the last submission again: for a stated time, one's own, and without losing what was sent."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.errors import NothingToUndo, UndoExpired
from annotations.models import Arm, Assignment, Image, Membership, Project, Reading, Role, User
from annotations.services.consensus import consensus_of
from annotations.services.readings import FindingMark, submit_or_correct
from annotations.services.undo import UNDO_WINDOW, reopen_last_reading
from tests.factories import make_image, make_member, make_reading, make_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(project: Project) -> Image:
    return make_image(project)


def test_last_submission_is_given_back_with_its_case(
    api: Callable[[User], APIClient], project: Project, reader: User, image: Image
) -> None:
    make_reading(project, make_image(project), reader, now=timezone.now() - timedelta(seconds=20))
    last = make_reading(project, image, reader, {"overall": 1.0})
    answer = api(reader).post(f"/api/v1/projects/{project.slug}/worklist/undo/").json()
    assert answer["client_key"] == str(last.client_key)
    assert answer["scores"] == {"overall": 1.0}
    assert answer["case"]["assignment"] == str(last.assignment_id)
    assert Reading.objects.current().count() == 2


def test_correction_supersedes_and_counts_once(project: Project, reader: User, image: Image) -> None:
    first = make_reading(project, image, reader, {"overall": 1.0})
    correction = make_submission(project, {"overall": 4.0}, corrects=first.client_key)
    for _ in range(2):  # sent twice is one
        reading, _ = submit_or_correct(
            assignment=first.assignment, reader=reader, submission=correction, now=timezone.now()
        )
    assert reading.supersedes == first
    assert Reading.objects.current().get() == reading
    assert [one.value for one in consensus_of(project)] == [4.0]
    assert Assignment.objects.done().count() == 1
    assert first.scores.get().value == 1.0


def test_correction_can_be_corrected_in_turn(project: Project, reader: User, image: Image) -> None:
    keys = [make_reading(project, image, reader).client_key]
    for value in (2.0, 1.0):
        submission = make_submission(project, {"overall": value}, corrects=keys[-1])
        submit_or_correct(assignment=Assignment.objects.get(), reader=reader, submission=submission, now=timezone.now())
        keys.append(submission.client_key)
    assert [one.value for one in consensus_of(project)] == [1.0]


def test_undo_ends_after_its_window(project: Project, reader: User, image: Image) -> None:
    now = timezone.now()
    make_reading(project, image, reader, now=now)
    reopen_last_reading(project=project, reader=reader, now=now + UNDO_WINDOW)
    with pytest.raises(UndoExpired, match="5 minutes"):
        reopen_last_reading(project=project, reader=reader, now=now + UNDO_WINDOW + timedelta(seconds=1))


def test_nothing_and_nobody_elses_is_opened_again(project: Project, reader: User, image: Image) -> None:
    make_reading(project, image, make_member(project, Role.READER))
    with pytest.raises(NothingToUndo):
        reopen_last_reading(project=project, reader=reader, now=timezone.now())


def test_correction_of_anothers_reading_is_refused(project: Project, reader: User, image: Image) -> None:
    theirs = make_reading(project, image, make_member(project, Role.READER))
    for key in (theirs.client_key, uuid.uuid4()):
        submission = make_submission(project, corrects=key)
        with pytest.raises(NothingToUndo):
            submit_or_correct(assignment=theirs.assignment, reader=reader, submission=submission, now=timezone.now())


def test_correction_by_who_can_see_predictions_counts_as_assisted(project: Project, reader: User, image: Image) -> None:
    first = make_reading(project, image, reader)
    Membership.objects.create(project=project, user=reader, role=Role.ML_ENGINEER)
    submission = make_submission(project, corrects=first.client_key)
    reading, _ = submit_or_correct(
        assignment=first.assignment, reader=reader, submission=submission, now=timezone.now()
    )
    assert reading.arm == Arm.ASSISTED


def test_box_and_type_of_a_finding_are_given_back(
    api: Callable[[User], APIClient], project: Project, reader: User, image: Image
) -> None:
    first = make_reading(project, image, reader)
    mark = FindingMark("Motion", 0, 3, 4, "here", "overall", width=10, height=6)
    submit_or_correct(
        assignment=first.assignment,
        reader=reader,
        submission=make_submission(project, corrects=first.client_key, findings=[mark]),
        now=timezone.now(),
    )
    (found,) = api(reader).post(f"/api/v1/projects/{project.slug}/worklist/undo/").json()["findings"]
    place = {"slice_index": 0, "x": 3.0, "y": 4.0, "width": 10.0, "height": 6.0}
    assert found == {"criterion": "overall", "type": "Motion", "note": "here", **place}
