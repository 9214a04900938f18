"""Leasing: how N readers work through one queue, in its order, without ever getting the same Assignment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from annotations.errors import NotYourAssignment
from annotations.models import MIXED_IN, Assignment, Membership, Project, Role, User
from annotations.services.mixing import mix_in


@transaction.atomic
def lease_assignments(*, project: Project, reader: User, count: int, now: datetime) -> list[Assignment]:
    """Give the reader up to `count` Assignments, those they hold already first, then in the selection's order.

    Asking twice gives the same ones. `SKIP LOCKED` keeps readers from waiting for each other; only who would get
    nothing at all waits for the rows that others are about to take or leave, so that a queue with open work is never
    found empty. Who holds a row does not wait: two such readers would wait for each other for ever.
    """
    if not serialise_requests_of(reader, project.pk):
        raise NotYourAssignment
    theirs = Assignment.objects.filter(project=project).held_by(reader, now).in_worklist_order()
    held = list(theirs.select_for_update(of=("self",), no_key=True)[:count])
    expires_at = now + timedelta(minutes=project.lease_minutes)
    _extend(held, expires_at)
    while len(held) < count:
        assignment = _next_case(project, reader, now, may_wait=not held)
        if assignment is None:
            break
        held.append(_claim(assignment, reader, now, expires_at))
    return held


def serialise_requests_of(reader: User, project_id: int) -> bool:
    """Two tabs of one reader must not take two places of one Image: one request of a reader at a time.

    Before any Assignment is locked: who holds the reader may wait for one. False for who is no reader.
    """
    memberships = Membership.objects.filter(project=project_id, user=reader, role=Role.READER)
    return memberships.select_for_update(no_key=True).exists()


def _next_case(project: Project, reader: User, now: datetime, *, may_wait: bool) -> Assignment | None:
    """What is due to be mixed in, else the queue's first; what is left to be mixed in when the queue is empty."""
    return (
        mix_in(project=project, reader=reader, now=now, is_due=True)
        or _next_claimable(project, reader, now, may_wait=may_wait)
        or mix_in(project=project, reader=reader, now=now, is_due=False)
    )


def _next_claimable(project: Project, reader: User, now: datetime, *, may_wait: bool) -> Assignment | None:
    queue = Assignment.objects.filter(project=project).claimable_by(reader, now).in_worklist_order()
    free = queue.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    if free is not None or not may_wait:
        return free
    return queue.select_for_update(of=("self",), no_key=True).first()


def _claim(assignment: Assignment, reader: User, now: datetime, expires_at: datetime) -> Assignment:
    if assignment.reader != reader:
        _remember_reader(assignment)
    assignment.reader = reader
    assignment.leased_at = now
    assignment.lease_expires_at = expires_at
    assignment.save(update_fields=["reader", "leased_at", "lease_expires_at"])
    return assignment


def _remember_reader(assignment: Assignment) -> None:
    if assignment.reader is not None:
        assignment.previous_readers.add(assignment.reader)


def _extend(assignments: Iterable[Assignment], expires_at: datetime) -> None:
    for assignment in assignments:
        assignment.lease_expires_at = expires_at
        assignment.save(update_fields=["lease_expires_at"])


@transaction.atomic
def extend_lease(*, assignment: Assignment, reader: User, now: datetime) -> Assignment:
    """Keep the case for its reader a while longer; a lapsed lease is renewed if nobody else took the case.

    Raises:
        NotYourAssignment: the reader never had it, or another reader has it by now, or it was submitted.
    """
    current = _held(assignment, reader)
    if current is None:
        raise NotYourAssignment
    _extend([current], now + timedelta(minutes=current.project.lease_minutes))
    return current


@transaction.atomic
def release_lease(*, assignment: Assignment, reader: User) -> None:
    """Put the case back for anybody; what was mixed in, for the same reader."""
    current = _held(assignment, reader)
    if current is None:
        raise NotYourAssignment
    current.lease_expires_at = None
    if current.purpose not in MIXED_IN:
        _remember_reader(current)
        current.reader = current.leased_at = None
    current.save(update_fields=["reader", "leased_at", "lease_expires_at"])


def _held(assignment: Assignment, reader: User) -> Assignment | None:
    """The reader's, also with a lapsed lease; what they gave back is not, whatever it was, until it is theirs again."""
    given_back = Q(purpose__in=MIXED_IN, lease_expires_at__isnull=True)
    mine = Assignment.objects.undone().filter(~given_back, pk=assignment.pk, reader=reader)
    return mine.select_for_update(of=("self",)).first()
