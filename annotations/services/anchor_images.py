"""Images that show what a level of a Criterion looks like. A manager chooses them; none is handed out as a case."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from annotations.errors import AlreadyACase, AlreadyAnAnchor, UnknownImage, UnknownLevel
from annotations.models import AnchorImage, Assignment, Criterion, Image, Membership, Project, Role
from annotations.models.imaging import ImageQuerySet


def possible_anchors(project: Project) -> ImageQuerySet:
    """Images that nobody has been given, here or in an earlier place of theirs."""
    given = Assignment.objects.filter(project=project, image=OuterRef("pk"))
    given = given.filter(Q(reader__isnull=False) | Q(previous_readers__isnull=False))
    return Image.objects.in_project(project).filter(~Exists(given))


@transaction.atomic
def set_anchor_image(*, criterion: Criterion, value: float, image_id: int, now: datetime) -> AnchorImage:
    """Let the Image show the level, in the place of the one that did. Its open Assignments are no longer handed out.

    Raises:
        UnknownLevel, UnknownImage: there is no such level, or no such Image in the Project.
        AlreadyACase: a reader has or had the Image: nothing that was judged is taken out of the readings.
        AlreadyAnAnchor: it shows another level of the Criterion.
    """
    # As request_assignments; but who mixes in a case for a reader, and holds what is waited for below, is let through.
    project = Project.objects.select_for_update(no_key=True).get(pk=criterion.rubric.project_id)
    if not criterion.admits(value):
        raise UnknownLevel
    image = Image.objects.in_project(project).filter(pk=image_id).first()
    if image is None:
        raise UnknownImage
    _hold_off_readers(project)
    if not possible_anchors(project).filter(pk=image_id).exists():
        raise AlreadyACase
    shown = AnchorImage.objects.at_levels_of(criterion)
    if shown.filter(image=image).exclude(value=value).exists():
        raise AlreadyAnAnchor
    for earlier in shown.filter(value=value).exclude(image=image):
        remove_anchor_image(anchor=earlier, now=now)
    return _anchor_at(criterion, value, image, now)


def _hold_off_readers(project: Project) -> None:
    """Who asks for a case waits here (`worklists.lease_assignments`): none is taken while it becomes an anchor."""
    readers = Membership.objects.filter(project=project, role=Role.READER).order_by("pk")
    list(readers.select_for_update(no_key=True))


def _anchor_at(criterion: Criterion, value: float, image: Image, now: datetime) -> AnchorImage:
    same = AnchorImage.objects.at_levels_of(criterion).filter(value=value, image=image).first()
    return same or AnchorImage.objects.create(
        project_id=criterion.rubric.project_id,
        criterion=criterion,
        value=value,
        text=criterion.anchor_text(value),
        image=image,
        created_at=now,
    )


@transaction.atomic
def remove_anchor_image(*, anchor: AnchorImage, now: datetime) -> None:
    """Take it away from its level. Where a reader may have seen it, the Image stays no case: they know its level."""
    Project.objects.select_for_update(no_key=True).get(pk=anchor.project_id)
    meanwhile = Q(lease_expires_at__gt=anchor.created_at) | Q(submitted_at__gt=anchor.created_at)
    if Assignment.objects.filter(meanwhile, project=anchor.project_id).exists():
        anchor.removed_at = now
        anchor.save(update_fields=["removed_at"])
    else:
        anchor.delete()
