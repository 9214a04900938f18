"""Who is asked to read what. A selection asks for Assignments here; the worklist only sorts by priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from annotations.errors import AnchorNotRead
from annotations.models import Assignment, Project, Purpose


@dataclass(frozen=True)
class AssignmentRequest:
    """An Image to be read, why, and its rank within the request (0 is read first)."""

    image_id: int
    purpose: Purpose
    rank: int


@transaction.atomic
def request_assignments(
    *, project: Project, request_key: UUID, requests: Sequence[AssignmentRequest]
) -> list[Assignment]:
    """Make one open Assignment for each Image and each of the project's `overlap` readers.

    They come after all that was requested earlier. The same `request_key` again adds nothing.

    Raises:
        AnchorNotRead: an Image shows a level of the Rubric. Nothing is stored.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    existing = Assignment.objects.filter(project=project, request_key=request_key)
    if existing.exists():
        return list(existing)
    _check_are_no_anchors(project, requests)
    first = _next_priority(project)
    return Assignment.objects.bulk_create(
        Assignment(
            project=project,
            image_id=request.image_id,
            purpose=request.purpose,
            priority=first + request.rank,
            slot=slot,
            request_key=request_key,
        )
        for request in requests
        for slot in range(1, project.overlap + 1)
    )


def _check_are_no_anchors(project: Project, requests: Sequence[AssignmentRequest]) -> None:
    asked = {request.image_id for request in requests}
    reserved = project.project_images.filter(image__in=asked).exclude(pk__in=project.project_images.unreserved())
    if reserved.exists():
        raise AnchorNotRead


def _next_priority(project: Project) -> int:
    last: int | None = Assignment.objects.filter(project=project).aggregate(last=Max("priority"))["last"]
    return 0 if last is None else last + 1
