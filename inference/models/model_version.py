from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotations.models import Project, Role, Rubric, User


class Stage(models.TextChoices):
    CANDIDATE = "candidate", _("Candidate")
    PRODUCTION = "production", _("Production")
    RETIRED = "retired", _("Retired")


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def visible_to(self, user: User | AnonymousUser) -> ModelVersionQuerySet:
        return self.filter(project__in=Project.objects.with_role(user, Role.MANAGER, Role.ML_ENGINEER))

    def for_lists(self) -> ModelVersionQuerySet:
        """With parent and run, without the points of single Images that both reports hold; with `is_gate_passed`.

        `is_shipped` says of a pre-trained model to start from whether it came with the installation; else it is None.
        """
        reports = ("report", "parent__report", "fine_tune_run__report", "fine_tune_run__loss_history")
        related = self.select_related("parent", "fine_tune_run")
        told = related.annotate(is_gate_passed=F("report__gate__passed"), is_shipped=F("report__is_shipped"))
        return told.defer(*reports)

    def production(self, project: Project) -> ModelVersion | None:
        return self.filter(project=project, stage=Stage.PRODUCTION).select_related("rubric").first()


class ModelVersion(models.Model):
    """A registered, loadable model of one Project: a frozen encoder and its prompt-aligned heads.

    Its checkpoint is self-contained. Version 1 is the pre-trained model as it ships: its heads are a prior, before
    any expert score. A candidate without parent is another pre-trained model, to start a fine-tuning from. Versions
    with the same `features_version` share their cached features.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="model_versions")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="model_versions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.CANDIDATE)
    weights_name = models.CharField(max_length=120, help_text="Storage name of the weights (safetensors).")
    document_name = models.CharField(max_length=120, help_text="Storage name of the configuration (JSON).")
    sha256 = models.CharField(max_length=64, help_text="Of the weights; checked whenever they are loaded.")
    features_version = models.CharField(
        max_length=64, help_text="Of encoder and preprocessing: says which cached features this version reads."
    )
    report = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True, help_text="When it last became production.")
    promoted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        ordering = ["project", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="modelversion_number_unique"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(stage=Stage.PRODUCTION), name="modelversion_one_production"
            ),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="modelversion_stage_known"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="modelversion_sha256_is_hex"),
            models.CheckConstraint(condition=~Q(features_version=""), name="modelversion_has_features_version"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, model version {self.number}"

    @property
    def has_passed_gate(self) -> bool:
        return self.report.get("gate", {}).get("passed") is True
