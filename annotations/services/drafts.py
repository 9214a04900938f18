"""Judgements on their way: kept while a reader works, so that another device or a new browser goes on with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from annotations.errors import AlreadySubmitted, NotYourAssignment
from annotations.models import Assignment, Draft, Reading, User


@dataclass(frozen=True)
class DraftEdit:
    """What a device has: `revision` counts the edits, `content` is JSON. `corrects` as in a Submission."""

    client_key: UUID
    revision: int
    content: Mapping[str, Any]
    corrects: UUID | None = None


@transaction.atomic
def keep_draft(*, assignment: Assignment, reader: User, edit: DraftEdit, now: datetime) -> Draft:
    """Store the edit if its revision is the largest so far; return what is stored then.

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
    if edit.revision > draft.revision:
        draft.client_key, draft.revision, draft.updated_at = edit.client_key, edit.revision, now
        draft.content = {**edit.content, "corrects": str(edit.corrects) if edit.corrects else None}
        draft.save()
    return draft


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
