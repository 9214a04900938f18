"""A reader's own bookmarks: Images to come back to."""

from __future__ import annotations

from datetime import datetime

from annotations.errors import NotYourAssignment
from annotations.models import Assignment, Bookmark, Project, User


def set_bookmark(*, project: Project, image_id: int, user: User, now: datetime) -> Bookmark:
    """Mark an Image that the user has before them or has read; marking it twice is one mark.

    Raises:
        NotYourAssignment: the user never had the Image in this Project.
    """
    if not Assignment.objects.filter(project=project, image=image_id, reader=user).exists():
        raise NotYourAssignment
    bookmark, _ = Bookmark.objects.get_or_create(
        project=project, image_id=image_id, user=user, defaults={"created_at": now}
    )
    return bookmark


def remove_bookmark(*, project: Project, image_id: int, user: User) -> None:
    """Take the mark away; harmless where there is none."""
    Bookmark.objects.filter(project=project, image=image_id, user=user).delete()
