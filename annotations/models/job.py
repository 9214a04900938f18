from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotations.models.project import Project, Role
from annotations.models.user import User


class JobKind(models.TextChoices):
    INGEST = "ingest", _("Ingest")
    PRESCORE = "prescore", _("Pre-scoring")
    FINE_TUNE = "fine_tune", _("Fine-tuning")


class JobState(models.TextChoices):
    STAGED = "staged", _("Being prepared")
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
FINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: User | AnonymousUser) -> JobQuerySet:
        """Jobs that the user started, and all of a Project that they manage or train models for."""
        if not user.is_authenticated:
            return self.none()
        run_by_role = Project.objects.with_role(user, Role.MANAGER, Role.ML_ENGINEER)
        return self.filter(
            Q(project__in=run_by_role) | Q(created_by=user, project__in=Project.objects.visible_to(user))
        )

    def active(self) -> JobQuerySet:
        return self.filter(state__in=ACTIVE_STATES)

    def left_over_uploads(self, *, opened_before: datetime) -> JobQuerySet:
        """Ingests that have ended with files still staged, and uploads of before that time that were never started."""
        ended = Q(state__in=FINAL_STATES, staged_files__isnull=False)
        never_started = Q(state=JobState.STAGED, created_at__lt=opened_before)
        return self.filter(ended | never_started, kind=JobKind.INGEST).distinct()

    def lost(self, now: datetime) -> JobQuerySet:
        """Running, by its own account, in a process that has stopped extending its lease."""
        return self.filter(state=JobState.RUNNING, lease_expires_at__lt=now)


class Job(models.Model):
    """One long piece of work. Its lease and heartbeat, not the broker, say whether it is alive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=20, choices=JobKind)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED, db_index=True)
    phase = models.CharField(max_length=60, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    is_cancel_requested = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True, blank=True, help_text="Of the process that runs it now.")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    phase_started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=~Q(state=JobState.RUNNING)
                | Q(lease_token__isnull=False, lease_expires_at__isnull=False, started_at__isnull=False),
                name="job_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=FINAL_STATES, finished_at__isnull=False)
                | (~Q(state__in=FINAL_STATES) & Q(finished_at__isnull=True)),
                name="job_final_has_end",
            ),
            models.CheckConstraint(condition=Q(total=0) | Q(done__lte=F("total")), name="job_done_within_total"),
            models.UniqueConstraint(
                fields=["project", "kind"],
                condition=Q(kind__in=[JobKind.PRESCORE, JobKind.FINE_TUNE], state__in=ACTIVE_STATES),
                name="job_one_active_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def seconds_left(self, now: datetime) -> float | None:
        """Of the present phase, at the pace that it has had so far; None before anything of it is done."""
        if self.state != JobState.RUNNING or self.phase_started_at is None or not self.done or not self.total:
            return None
        elapsed = (now - self.phase_started_at).total_seconds()
        return elapsed / self.done * (self.total - self.done) if elapsed >= 1.0 else None
