"""The lease property: many readers, one queue, its order, no doubles, never empty while work is open."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.errors import NotYourAssignment
from annotations.models import Assignment, Membership, Project, ProjectImage, Role, User
from annotations.services.assignments import AssignmentRequest, request_assignments
from annotations.services.progress import progress_of
from annotations.services.readings import submit_reading
from annotations.services.worklists import extend_lease, lease_assignments, release_lease
from tests.annotations.threads import in_threads
from tests.factories import make_assignment, make_image, make_member, make_project, make_submission, make_user

pytestmark = pytest.mark.django_db


def fill(project: Project, images: int) -> list[int]:
    """Ask for that many Images to be read; return their keys in the selection's order."""
    chosen = [make_image(project).pk for _ in range(images)][::-1]
    requests = [AssignmentRequest(pk, "uncertain", rank) for rank, pk in enumerate(chosen)]
    request_assignments(project=project, request_key=uuid.uuid4(), requests=requests)
    return chosen


def lease_one(project: Project, reader: User) -> Assignment | None:
    leased = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    return leased[0] if leased else None


def test_lease_gives_the_selections_order() -> None:
    project = make_project(overlap=1)
    reader = make_member(project, Role.READER)
    chosen = fill(project, 4)
    leased = lease_assignments(project=project, reader=reader, count=3, now=timezone.now())
    assert [assignment.image_id for assignment in leased] == chosen[:3]


def test_lease_asked_twice_gives_the_same_assignments() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    fill(project, 3)
    first = lease_assignments(project=project, reader=reader, count=2, now=timezone.now())
    assert lease_assignments(project=project, reader=reader, count=2, now=timezone.now()) == first


def test_second_request_comes_after_the_first() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    first, second = fill(project, 2), fill(project, 2)
    leased = lease_assignments(project=project, reader=reader, count=4, now=timezone.now())
    assert [assignment.image_id for assignment in leased] == first + second


def test_request_with_the_same_key_adds_nothing() -> None:
    project = make_project(overlap=2)
    image, key = make_image(project), uuid.uuid4()
    for _ in range(2):
        request_assignments(project=project, request_key=key, requests=[AssignmentRequest(image.pk, "random", 0)])
    assert Assignment.objects.count() == 2


def test_overlap_gives_an_image_to_different_readers_only() -> None:
    project = make_project(overlap=2)
    readers = [make_member(project, Role.READER) for _ in range(3)]
    (image,) = fill(project, 1)
    leased = [lease_one(project, reader) for reader in (readers[0], readers[0], readers[1], readers[2])]
    assert leased[0] == leased[1]
    assert leased[2] is not None
    assert leased[2].image_id == image
    assert leased[2] != leased[0]
    assert leased[3] is None


def test_image_that_was_replaced_is_not_handed_out() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    old, new = make_image(project), make_image(project)
    make_assignment(project, old)
    ProjectImage.objects.filter(image=old).update(superseded_by=ProjectImage.objects.get(image=new).pk)
    assert lease_one(project, reader) is None
    progress = progress_of(project, now=timezone.now())
    assert (progress.images_left, progress.assignments_open) == (0, 0)


def test_lapsed_lease_comes_back() -> None:
    project = make_project(lease_minutes=30)
    absent, present = make_member(project, Role.READER), make_member(project, Role.READER)
    fill(project, 1)
    now = timezone.now()
    (taken,) = lease_assignments(project=project, reader=absent, count=1, now=now)
    assert lease_assignments(project=project, reader=present, count=1, now=now + timedelta(minutes=29)) == []
    assert lease_assignments(project=project, reader=present, count=1, now=now + timedelta(minutes=31)) == [taken]


def test_released_case_comes_back_at_once() -> None:
    project = make_project()
    first, second = make_member(project, Role.READER), make_member(project, Role.READER)
    fill(project, 1)
    taken = lease_one(project, first)
    assert taken is not None
    release_lease(assignment=taken, reader=first)
    assert lease_one(project, second) == taken


def test_lease_is_extended_only_for_its_holder() -> None:
    project = make_project(lease_minutes=10)
    holder, other = make_member(project, Role.READER), make_member(project, Role.READER)
    fill(project, 1)
    now = timezone.now()
    (taken,) = lease_assignments(project=project, reader=holder, count=1, now=now)
    later = now + timedelta(minutes=9)
    extended = extend_lease(assignment=taken, reader=holder, now=later)
    assert extended.lease_expires_at == later + timedelta(minutes=10)
    with pytest.raises(NotYourAssignment):
        extend_lease(assignment=taken, reader=other, now=later)


def test_who_is_no_reader_gets_no_case() -> None:
    project = make_project()
    fill(project, 1)
    for user in (make_user(), make_member(project, Role.MANAGER)):
        with pytest.raises(NotYourAssignment):
            lease_assignments(project=project, reader=user, count=1, now=timezone.now())


def test_work_of_another_project_is_never_leased() -> None:
    mine, other = make_project(), make_project()
    reader = make_member(mine, Role.READER)
    fill(other, 2)
    assert lease_one(mine, reader) is None


@pytest.mark.django_db(transaction=True)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    readers=st.integers(2, 5),
    images=st.integers(1, 10),
    overlap=st.integers(1, 3),
    ahead=st.integers(1, 2),
)
def test_concurrent_readers_share_the_queue_without_doubles(
    readers: int, images: int, overlap: int, ahead: int
) -> None:
    """Each reader, on a connection of their own, leases and submits until the queue says that it is empty."""
    project = make_project(overlap=overlap)
    people = [make_member(project, Role.READER) for _ in range(readers)]
    chosen = fill(project, images)
    rank = {image: index for index, image in enumerate(chosen)}
    seen: dict[int, list[int]] = {person.pk: [] for person in people}
    taken: list[uuid.UUID] = []
    start = threading.Barrier(readers)

    def work_through(person: User) -> Callable[[], None]:
        def run() -> None:
            start.wait()
            while leased := lease_assignments(project=project, reader=person, count=ahead, now=timezone.now()):
                assignment = leased[0]
                submit_reading(
                    assignment=assignment,
                    reader=person,
                    submission=make_submission(project),
                    now=timezone.now(),
                )
                seen[person.pk].append(rank[assignment.image_id])
                taken.append(assignment.pk)

        return run

    in_threads([work_through(person) for person in people])
    assert len(taken) == len(set(taken)), "an assignment was read twice"
    assert len(taken) == images * min(overlap, readers), "a reader found the queue empty while work was open"
    for order in seen.values():
        assert order == sorted(order), "a reader was not given the selection's order"
        assert len(order) == len(set(order)), "a reader was given an image twice"


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_reader_get_the_same_case() -> None:
    project = make_project(overlap=3)
    reader = make_member(project, Role.READER)
    fill(project, 2)
    leased: list[Assignment | None] = []
    in_threads([lambda: leased.append(lease_one(project, reader)) for _ in range(4)])
    assert len({assignment.pk for assignment in leased if assignment}) == 1
    assert None not in leased


@pytest.mark.django_db(transaction=True)
def test_queue_is_not_found_empty_while_another_reader_looks_at_the_last_case() -> None:
    """The row is locked by a transaction that then gives it up: who came meanwhile must wait, and get it."""
    project = make_project()
    reader = make_member(project, Role.READER)
    assignment = make_assignment(project)
    locked, asked = threading.Event(), threading.Event()
    leased: list[Assignment | None] = []

    def lock_and_give_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM annotations_assignment WHERE id = %s FOR UPDATE", [assignment.pk])
            locked.set()
            asked.wait(30)
            cursor.execute("ROLLBACK")

    def lease() -> None:
        locked.wait(30)
        threading.Timer(0.2, asked.set).start()
        leased.append(lease_one(project, reader))

    in_threads([lock_and_give_up, lease])
    assert leased == [assignment]


def test_membership_is_required_again_after_it_was_taken_away() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    fill(project, 1)
    Membership.objects.filter(user=reader).delete()
    with pytest.raises(NotYourAssignment):
        lease_one(project, reader)
