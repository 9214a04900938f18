"""Judgements on their way: kept while a reader works, so that another device or a new browser goes on with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from annotations.errors import AlreadySubmitted, NotYourAssignment
from annotations.models import Assignment, Draft, Reading, User

MOST_CLOCKS = 50


@dataclass(frozen=True)
class DraftTimes:
    """How long a case was before its reader, in milliseconds: active, by each device's own clock; and since it was
    first opened on any. Devices send how long ago that was, since their clocks differ."""

    active_ms: Mapping[str, float] = field(default_factory=dict)
    wall_ms: float = 0.0


@dataclass(frozen=True)
class DraftEdit:
    """What a device has: `revision` counts the edits, `content` is JSON. `corrects` as in a Submission."""

    client_key: UUID
    revision: int
    content: Mapping[str, Any]
    corrects: UUID | None = None
    times: DraftTimes = field(default_factory=DraftTimes)


@transaction.atomic
def keep_draft(*, assignment: Assignment, reader: User, edit: DraftEdit, now: datetime) -> Draft:
    """Store the edit if its revision is the largest so far; return what is stored then. Times are put together always.

    Sending an edit twice changes nothing. Of two edits with one revision the first to arrive stands; the device that
    sent the other sees so by the answer.

    Raises:
        NotYourAssignment: the reader never had this case.
        AlreadySubmitted: it was submitted, and the edit corrects no newest Reading of it.
    """
    assignment = Assignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    _check_is_open(assignment, reader, edit.corrects)
    draft = Draft.objects.filter(assignment=assignment, reader=reader).first() or Draft(
        assignment=assignment, reader=reader, revision=0
    )
    times = _times_after(draft, edit.times, now)
    if edit.revision > draft.revision:
        draft.client_key, draft.revision, draft.updated_at = edit.client_key, edit.revision, now
        draft.content = {**edit.content, "corrects": str(edit.corrects) if edit.corrects else None}
    draft.content = {**draft.content, "times": times}
    draft.save()
    return draft


def times_of(draft: Draft, *, now: datetime) -> DraftTimes:
    stored = draft.content.get("times")
    if stored is None:  # kept by an earlier version
        return DraftTimes()
    wall = now - datetime.fromisoformat(stored["opened_at"])
    return DraftTimes(stored["active_ms"], wall / timedelta(milliseconds=1))


def _times_after(draft: Draft, told: DraftTimes, now: datetime) -> dict[str, Any]:
    """Of each clock the largest count, of all openings the first: told twice, or late, changes nothing."""
    known = draft.content.get("times") if draft.revision else None
    counts = dict(known["active_ms"]) if known else {}
    for clock, ms in told.active_ms.items():
        counts[clock] = max(counts.get(clock, 0), ms)
    longest = sorted(counts, key=lambda clock: counts[clock], reverse=True)[:MOST_CLOCKS]
    opened_at = now - timedelta(milliseconds=told.wall_ms)
    if known:
        opened_at = min(opened_at, datetime.fromisoformat(known["opened_at"]))
    return {"active_ms": {clock: counts[clock] for clock in longest}, "opened_at": opened_at.isoformat()}


def _check_is_open(assignment: Assignment, reader: User, corrects: UUID | None) -> None:
    was_theirs = assignment.previous_readers.filter(pk=reader.pk).exists()
    if assignment.reader_id != reader.pk and not was_theirs:
        raise NotYourAssignment
    newest = submitted_by(assignment, reader)
    if (newest.client_key if newest else None) != corrects:
        raise AlreadySubmitted


def submitted_by(assignment: Assignment, reader: User) -> Reading | None:
    """The reader's newest Reading that came of this Assignment, in its own place or in another that was made for it."""
    places = Assignment.objects.filter(request_key=assignment.request_key, image=assignment.image_id, reader=reader)
    return Reading.objects.current().filter(assignment__in=places, reader=reader).first()


def forget_drafts(*, assignment: Assignment, reader: User) -> None:
    """At submission: nothing of a draft outlives its Reading."""
    Draft.objects.filter(assignment=assignment, reader=reader).delete()
