from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from annotations.models.assignment import Assignment, AssignmentQuerySet, Purpose
from annotations.models.imaging import Image
from annotations.models.project import Arm, Project, ProjectImage, Role
from annotations.models.rubric import Criterion, Rubric
from annotations.models.user import User

INDEPENDENT = (Arm.BLIND, Arm.TRAINING)  # made without having seen anything of the Image


class Confidence(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class AbstentionReason(models.TextChoices):
    """Why a Criterion cannot be judged of an Image."""

    TOO_FAULTY = "too_faulty", _("The image is too faulty to judge this")
    NOT_SHOWN = "not_shown", _("What is asked about is not in the image")
    NOT_APPLICABLE = "not_applicable", _("The question does not fit this kind of image")
    DISPLAY = "display", _("It cannot be seen well enough on this screen")
    EXPERIENCE = "experience", _("It is outside of my experience")
    OTHER = "other", _("Another reason")


class DisplayNotice(models.TextChoices):
    """What kept a reader from seeing all that the Image holds, as the reading room said it."""

    REDUCED = "reduced", _("drawn smaller than it is")
    NARROW_WINDOW = "narrow_window", _("a very narrow window")
    SMALL_SCREEN = "small_screen", _("a small screen")
    NO_IMAGE = "no_image", _("an image that could not be loaded")
    FAILED_CHECK = "failed_check", _("a screen that did not pass its test")


class ReadingQuerySet(models.QuerySet["Reading"]):
    def current(self) -> ReadingQuerySet:
        """Not superseded by a correction."""
        return self.filter(superseded_by__isnull=True)

    def counted(self) -> ReadingQuerySet:
        """What Consensus and agreement are made of: of each Assignment the newest independent Reading, else the newest.

        A correction by a reader who could see Predictions by then is kept, but is no independent judgement.
        """
        independent = Reading.objects.filter(arm__in=INDEPENDENT)
        newest = Q(arm__in=INDEPENDENT) & ~Q(Exists(independent.filter(supersedes=OuterRef("pk"))))
        none_is = Q(superseded_by__isnull=True) & ~Q(Exists(independent.filter(assignment=OuterRef("assignment"))))
        return self.filter(newest | none_is)

    def with_feedback(self) -> ReadingQuerySet:
        """Of what their reader could be told afterwards what the model and others say."""
        return self.exclude(arm=Arm.BLIND, project__arm=Arm.BLIND)

    def visible_to(self, user: User | AnonymousUser) -> ReadingQuerySet:
        """One's own, but for an Image that one is to read once more; and those that blinding lets one see."""
        if not user.is_authenticated:
            return self.none()
        repeats = _left_to(user).undone().filter(purpose=Purpose.REPEAT, project=OuterRef("project"))
        own = ~Q(Exists(repeats)) & Q(reader=user, project__in=Project.objects.visible_to(user))
        return self.filter(own | unblinded_for(user))

    def of(self, project: Project) -> ReadingQuerySet:
        return self.filter(project=project)


class Reading(models.Model):
    """One submitted judgement. Immutable (a trigger in the database holds it); a correction supersedes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_key = models.UUIDField(unique=True, help_text="Made by the client: a submission sent twice is one Reading.")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="readings")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="readings")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="readings")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="readings")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="readings")
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    arm = models.CharField(max_length=10, choices=Arm)
    comment = models.TextField(blank=True)
    confidence = models.CharField(max_length=10, choices=Confidence, blank=True, help_text="Empty: not said.")
    display_state = models.JSONField(default=dict, help_text="Slice, window, zoom, flips and device at submission.")
    active_seconds = models.FloatField(help_text="Page visible, window focused, input within the last minute.")
    wall_seconds = models.FloatField(help_text="From the first image to submission, pauses included.")
    submitted_at = models.DateTimeField(db_index=True)

    objects = ReadingQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(supersedes__isnull=True), name="reading_one_for_an_assignment"
            ),
            models.CheckConstraint(condition=Q(arm__in=Arm.values), name="reading_arm_known"),
            models.CheckConstraint(
                condition=Q(confidence="") | Q(confidence__in=Confidence.values), name="reading_confidence_known"
            ),
            models.CheckConstraint(
                condition=Q(active_seconds__gte=0, wall_seconds__gte=0), name="reading_seconds_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"Reading {self.id}"

    @property
    def display_notices(self) -> list[str]:
        """In words; what a client made up is left out."""
        said = self.display_state.get("notices")
        return [
            str(DisplayNotice(code).label) for code in DisplayNotice.values if isinstance(said, list) and code in said
        ]

    @property
    def compared(self) -> list[dict[str, Any]]:
        """What the reader looked at beside the Image: kind, image, criterion, value, is_shown, and, of what was still
        there at submission, how it stood (display); of another shape, nothing."""
        said = self.display_state.get("compared")
        entries = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
        return [one for one in entries if one.get("kind") in ("anchor", "prior")]

    @property
    def beside(self) -> dict[str, Any] | None:
        """Of these, what was still there at submission."""
        return next((one for one in self.compared if one.get("is_shown") is True), None)

    @property
    def planes(self) -> dict[str, Any] | None:
        """Where the reader's three planes crossed: column, row, is_shown; None where there were none."""
        said = self.display_state.get("planes")
        is_told = isinstance(said, dict) and all(type(said.get(name)) is int for name in ("column", "row"))
        return said if is_told else None


class Score(models.Model):
    """One Criterion's value within a Reading. Always human."""

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="scores")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="scores")
    value = models.FloatField()

    class Meta:
        ordering = ["reading", "criterion__position"]
        constraints = [models.UniqueConstraint(fields=["reading", "criterion"], name="score_once_per_criterion")]

    def __str__(self) -> str:
        return f"{self.criterion.key}: {self.value:g}"


class Abstention(models.Model):
    """A Criterion that the reader said cannot be judged, and why: an answer, but no Score.

    Being no Score, it counts in no Consensus, agreement or LabelSnapshot; the Assignment is done by it all the same.
    """

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="abstentions")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="abstentions")
    reason = models.CharField(max_length=20, choices=AbstentionReason)

    class Meta:
        ordering = ["reading", "criterion__position"]
        constraints = [
            models.UniqueConstraint(fields=["reading", "criterion"], name="abstention_once_per_criterion"),
            models.CheckConstraint(condition=Q(reason__in=AbstentionReason.values), name="abstention_reason_known"),
        ]

    def __str__(self) -> str:
        return f"{self.criterion.key}: {self.reason}"


class Finding(models.Model):
    """An artefact named in a Reading, at a point or a box of the Image, in pixels of a slice.

    Column `x` and row `y` are the point, or the box's upper left corner; `width` and `height` are empty for a point.
    """

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="findings")
    criterion = models.ForeignKey(Criterion, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    type = models.CharField(max_length=40)
    slice_index = models.PositiveIntegerField()
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField(null=True, blank=True)
    height = models.FloatField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["reading", "slice_index"]
        constraints = [
            models.CheckConstraint(condition=Q(x__gte=0, y__gte=0), name="finding_within_image"),
            models.CheckConstraint(
                condition=Q(width__isnull=True, height__isnull=True) | Q(width__gt=0, height__gt=0),
                name="finding_point_or_box",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} at slice {self.slice_index}"


def unblinded_for(user: User) -> Q:
    """Blinding, written once: a condition on rows with a `project` and an `image`.

    Only managers and ML engineers are shown other people's Scores or Predictions; of Images that they are to read in
    whatever Project, only after they have submitted them there.
    """
    return Q(project__in=Project.objects.with_role(user, Role.MANAGER, Role.ML_ENGINEER)) & has_nothing_left_of(user)


def fed_back_to(user: User) -> Q:
    """The one exception for readers, on rows with a `project` and an `image`: feedback after their own submission.

    Only in Projects whose arm allows it, and only of Images that they have nothing left to read of, anywhere.
    """
    allowing = Project.objects.with_role(user, Role.READER).exclude(arm=Arm.BLIND)
    submitted = Reading.objects.filter(project=OuterRef("project"), image=OuterRef("image"), reader=user)
    return Q(Exists(submitted), project__in=allowing) & has_nothing_left_of(user)


def has_nothing_left_of(user: User) -> Q:
    """The user has nothing left to read of the Image: no Project where they have yet to, and no repeat before them."""
    reads_here = Project.objects.with_role(user, Role.READER)
    submitted = Reading.objects.filter(project=OuterRef("project"), image=OuterRef("image"), reader=user)
    still_to_read = ProjectImage.objects.filter(image=OuterRef("image"), project__in=reads_here)
    return ~Q(Exists(still_to_read.filter(~Exists(submitted)))) & ~Q(Exists(_left_to(user)))


def _left_to(user: User) -> AssignmentQuerySet:
    """Of the outer row's Image, what the user was given and has not submitted."""
    reads_here = Project.objects.with_role(user, Role.READER)
    return Assignment.objects.filter(
        image=OuterRef("image"), project__in=reads_here, reader=user, submitted_at__isnull=True
    )
