"""Readings sent late take a place of their own, also when something else asks for that place at the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from annotations.models import Assignment, Image, Project, ProjectImage, Reading, Role, User
from annotations.services.readings import submit_reading
from annotations.services.worklists import lease_assignments
from tests.annotations.threads import before, in_threads
from tests.factories import make_assignment, make_image, make_member, make_project, make_submission

pytestmark = pytest.mark.django_db(transaction=True)


def lost_by(reader: User, image: Image, *, project: Project, **fields: object) -> Assignment:
    """A case that the reader had, and that a colleague has now."""
    case = make_assignment(project, image, **fields)
    case.previous_readers.add(reader)
    case.reader, case.leased_at = make_member(project, Role.READER), timezone.now()
    case.lease_expires_at = case.leased_at + timedelta(hours=1)
    case.save()
    return case


def submit(case: Assignment, reader: User) -> None:
    submission = make_submission(case.project)
    submit_reading(assignment=case, reader=reader, submission=submission, now=timezone.now())


def at_once(
    first: Callable[[], None], *, halt: tuple[str, ...], then: Callable[[], None], waits: tuple[str, ...]
) -> None:
    """`first` stands before its statement `halt` while `then` runs to its end, or to where it waits for `first`."""
    is_halted, may_go_on = threading.Event(), threading.Event()

    def halt_first() -> None:
        is_halted.set()
        assert may_go_on.wait(30)

    def run_first() -> None:
        with before(*halt, then=halt_first):
            first()

    def run_second() -> None:
        assert is_halted.wait(30)
        try:
            with before(*waits, then=may_go_on.set):
                then()
        finally:
            may_go_on.set()

    in_threads([run_first, run_second])


PLACE_MADE = ("INSERT", '"annotations_assignment"')
READER_LOCKED = ("SELECT", '"annotations_membership"', "FOR NO KEY UPDATE")
IMAGE_LOCKED = ("SELECT", '"annotations_projectimage"', "FOR NO KEY UPDATE")
CASES_LOCKED = ("SELECT", '"annotations_assignment"', "FOR NO KEY UPDATE")


def test_reading_sent_late_counts_for_the_calibration_case_that_is_made_at_that_moment() -> None:
    project = make_project()
    reader, image = make_member(project, Role.READER), make_image(project)
    case = lost_by(reader, image, project=project)
    ProjectImage.objects.update(is_calibration=True)
    at_once(lambda: lease(project, reader), halt=PLACE_MADE, then=lambda: submit(case, reader), waits=READER_LOCKED)
    assert Reading.objects.get().assignment == Assignment.objects.get(reader=reader)


def lease(project: Project, reader: User) -> None:
    assert lease_assignments(project=project, reader=reader, count=1, now=timezone.now())


def test_two_readers_who_send_an_image_late_at_once_both_get_a_place() -> None:
    project = make_project(overlap=2)
    image, readers = make_image(project), [make_member(project, Role.READER) for _ in range(2)]
    first = lost_by(readers[0], image, project=project)
    second = lost_by(readers[1], image, project=project, slot=2, request_key=first.request_key)
    at_once(
        lambda: submit(first, readers[0]),
        halt=PLACE_MADE,
        then=lambda: submit(second, readers[1]),
        waits=IMAGE_LOCKED,
    )
    assert {reading.assignment.slot for reading in Reading.objects.all()} == {3, 4}


def test_reading_sent_late_and_its_readers_next_case_do_not_wait_for_each_other_for_ever() -> None:
    """Who asks for a case holds the reader and waits for cases: who submits has to hold them in that order too."""
    project = make_project()
    reader, image = make_member(project, Role.READER), make_image(project)
    case = lost_by(reader, image, project=project)
    Assignment.objects.update(lease_expires_at=timezone.now())  # anybody may have it
    at_once(lambda: submit(case, reader), halt=READER_LOCKED, then=lambda: lease(project, reader), waits=CASES_LOCKED)
    assert Reading.objects.get().assignment == case
