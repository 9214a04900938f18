from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F

from annotations.models import Job, Project, Role, User
from inference.models.label_snapshot import LabelSnapshot
from inference.models.model_version import ModelVersion


class FineTuneRunQuerySet(models.QuerySet["FineTuneRun"]):
    def visible_to(self, user: User | AnonymousUser) -> FineTuneRunQuerySet:
        """Not to those who read in the Project: a report holds Predictions and Consensus of single Images."""
        trains = Project.objects.with_role(user, Role.ML_ENGINEER, Role.MANAGER)
        return self.filter(project__in=trains).exclude(project__in=Project.objects.with_role(user, Role.READER))

    def for_lists(self) -> FineTuneRunQuerySet:
        """Without the loss curve and the report, which hold thousands of numbers; `gate` is the report's verdict."""
        return self.annotate(gate=F("report__gate")).defer("loss_history", "report")


class FineTuneRun(models.Model):
    """One training of prompt-aligned heads on a LabelSnapshot. Its state and progress are its Job's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="fine_tune_runs")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="fine_tune_run")
    snapshot = models.ForeignKey(LabelSnapshot, on_delete=models.PROTECT, related_name="fine_tune_runs")
    parent = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="fine_tune_runs")
    start = models.ForeignKey(
        ModelVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="runs_from",
        help_text="A pre-trained model whose encoder the heads stand on; without one the parent's.",
    )
    candidate = models.OneToOneField(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="fine_tune_run"
    )
    config = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField()
    loss_history = models.JSONField(default=list, blank=True, help_text="[phase, step, loss] triples.")
    report = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FineTuneRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Run {self.id} of {self.project}"
