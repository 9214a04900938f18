from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from annotations.models.imaging import Image
from annotations.models.project import Project, ProjectImage
from annotations.models.user import User


class Purpose(models.TextChoices):
    """Why an Image is read. Never shown to a reader: one could read a prediction from it."""

    COLD_START = "cold_start", _("Cold start")
    UNCERTAIN = "uncertain", _("Uncertain")
    DIVERSE = "diverse", _("Diverse")
    RANDOM = "random", _("Random")
    REPEAT = "repeat", _("Repeat")
    CALIBRATION = "calibration", _("Calibration")
    ADJUDICATION = "adjudication", _("Adjudication")


MIXED_IN = (Purpose.REPEAT, Purpose.CALIBRATION)


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """An Assignment is *done*, else *leased* (a reader has it before them), else *open*."""

    def done(self) -> AssignmentQuerySet:
        """The one definition of done: a Reading of it was submitted. Every counter uses it."""
        return self.filter(submitted_at__isnull=False)

    def undone(self) -> AssignmentQuerySet:
        """Still to be read. An Image that was replaced by one with more slices is not: its successor is.

        Nor is one that became an anchor image before anybody had it.
        """
        cases = ProjectImage.objects.cases().filter(project=OuterRef("project"), image=OuterRef("image"))
        return self.filter(Exists(cases), submitted_at__isnull=True)

    def mixed_in(self) -> AssignmentQuerySet:
        """Made for one reader, when they asked for a case: see services.mixing."""
        return self.filter(purpose__in=MIXED_IN)

    def asked_for(self) -> AssignmentQuerySet:
        """By a selection, of whoever comes first: all that is not mixed in."""
        return self.exclude(purpose__in=MIXED_IN)

    def drawn_at_random(self) -> AssignmentQuerySet:
        """Of Images that were first read because they were drawn at random: neither a model nor a person chose them.

        What an Image is asked for later changes nothing, and no Assignment is ever deleted: once it has been read,
        the answer stays.
        """
        earlier = Assignment.objects.filter(
            project=OuterRef("project"), image=OuterRef("image"), created_at__lt=OuterRef("created_at")
        ).exclude(purpose=Purpose.RANDOM)
        return self.filter(~Exists(earlier), purpose=Purpose.RANDOM)

    def leased(self, now: datetime) -> AssignmentQuerySet:
        return self.undone().filter(lease_expires_at__gt=now)

    def open(self, now: datetime) -> AssignmentQuerySet:
        return self.undone().filter(Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now))

    def held_by(self, reader: User, now: datetime) -> AssignmentQuerySet:
        return self.leased(now).filter(reader=reader)

    def claimable_by(self, reader: User, now: datetime) -> AssignmentQuerySet:
        """Open, and not of an Image that this reader has read, has before them or let lapse in another place.

        What was mixed in is its own reader's, and nobody else's.
        """
        same_image = Assignment.objects.filter(
            project=OuterRef("project"), image=OuterRef("image"), reader=reader
        ).exclude(pk=OuterRef("pk"))
        own = Q(purpose__in=MIXED_IN, reader=reader)
        return self.open(now).filter(own | Q(~Exists(same_image), ~Q(purpose__in=MIXED_IN)))

    def left_for(self, reader: User, now: datetime) -> AssignmentQuerySet:
        """Asked for, open, of Images that this reader was not given in the Project and is not given as calibration."""
        given = Assignment.objects.filter(project=OuterRef("project"), image=OuterRef("image"), reader=reader)
        calibrating = ProjectImage.objects.calibrating().filter(project=OuterRef("project"), image=OuterRef("image"))
        return self.asked_for().open(now).filter(~Exists(given), ~Exists(calibrating))

    def in_worklist_order(self) -> AssignmentQuerySet:
        """The order that the selection gave."""
        return self.order_by("priority", "created_at", "id")


class Assignment(models.Model):
    """One Image to be read by one Reader. Until a reader takes it up it is anybody's; then it is leased."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="assignments")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="assignments")
    purpose = models.CharField(max_length=20, choices=Purpose)
    priority = models.IntegerField(help_text="Smaller is read earlier.")
    slot = models.PositiveSmallIntegerField(help_text="Counts the readers of an Image, from 1.")
    request_key = models.UUIDField(help_text="The request that asked for it: asking again adds nothing.")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="assignments"
    )
    previous_readers = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="+",
        help_text="Had it before them once; what they still send is not lost.",
    )
    leased_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(
        null=True, blank=True, help_text="Set with the first Reading, in the same transaction."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "created_at", "id"]
        indexes = [models.Index(fields=["project", "priority", "created_at", "id"], name="assignment_worklist")]
        constraints = [
            models.UniqueConstraint(fields=["request_key", "image", "slot"], name="assignment_requested_once"),
            models.UniqueConstraint(
                fields=["project", "image", "reader"],
                condition=Q(reader__isnull=False) & ~Q(purpose=Purpose.REPEAT),
                name="assignment_reader_reads_an_image_once",
            ),
            models.UniqueConstraint(
                fields=["project", "image", "reader"],
                condition=Q(purpose=Purpose.REPEAT),
                name="assignment_repeated_once",
            ),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="assignment_purpose_known"),
            models.CheckConstraint(
                condition=~Q(purpose__in=MIXED_IN) | Q(reader__isnull=False), name="assignment_mixed_in_for_a_reader"
            ),
            models.CheckConstraint(condition=Q(slot__gte=1), name="assignment_slot_from_one"),
            models.CheckConstraint(
                condition=Q(lease_expires_at__isnull=True) | Q(reader__isnull=False, leased_at__isnull=False),
                name="assignment_lease_has_reader",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True) | Q(reader__isnull=False),
                name="assignment_submitted_has_reader",
            ),
        ]

    def __str__(self) -> str:
        return f"Assignment {self.id}"
