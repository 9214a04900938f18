"""A reader's own bookmarks: cases to come back to."""

from __future__ import annotations

from datetime import datetime

from annotations.errors import NotYourAssignment
from annotations.models import Assignment, Bookmark, User


def set_bookmark(*, assignment: Assignment, user: User, now: datetime) -> Bookmark:
    """Mark a case that the user has or had before them; marking it twice is one mark.

    Raises:
        NotYourAssignment: they never had it.
    """
    if assignment.reader != user and not assignment.previous_readers.filter(pk=user.pk).exists():
        raise NotYourAssignment
    bookmark, _ = Bookmark.objects.get_or_create(assignment=assignment, user=user, defaults={"created_at": now})
    return bookmark


def remove_bookmark(*, assignment: Assignment, user: User) -> None:
    """Take the mark away; harmless where there is none."""
    Bookmark.objects.filter(assignment=assignment, user=user).delete()
