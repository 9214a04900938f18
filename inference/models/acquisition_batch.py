from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from annotations.models import Image, Project, Purpose, Role, User
from inference.models.model_version import ModelVersion


class Strategy(models.TextChoices):
    UNCERTAIN_DIVERSE = "uncertain_diverse", _("Uncertain and diverse")
    RANDOM = "random", _("Random")


class AcquisitionBatchQuerySet(models.QuerySet["AcquisitionBatch"]):
    def visible_to(self, user: User | AnonymousUser) -> AcquisitionBatchQuerySet:
        """Never to those who read in the Project: the order and the purposes tell what the model thinks."""
        runs_it = Project.objects.with_role(user, Role.MANAGER, Role.ML_ENGINEER)
        return self.filter(project__in=runs_it).exclude(project__in=Project.objects.with_role(user, Role.READER))

    def with_image_count(self) -> AcquisitionBatchQuerySet:
        """`image_count`: the Images of each batch."""
        return self.annotate(image_count=Count("items"))


class AcquisitionBatch(models.Model):
    """Images chosen for reading at one moment, reproducible from strategy, seed and ModelVersion."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="acquisition_batches")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="acquisition_batches")
    strategy = models.CharField(max_length=30, choices=Strategy)
    seed = models.BigIntegerField()
    size = models.PositiveIntegerField()
    random_share = models.FloatField()
    pool_size = models.PositiveIntegerField(help_text="Unread Images among which it was chosen.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AcquisitionBatchQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "acquisition batches"
        constraints = [
            models.CheckConstraint(condition=Q(strategy__in=Strategy.values), name="acquisitionbatch_strategy_known"),
            models.CheckConstraint(
                condition=Q(random_share__gte=0, random_share__lte=1), name="acquisitionbatch_share_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.id} of {self.project}"


class AcquisitionItem(models.Model):
    """One Image of a batch: its rank, its purpose, and the numbers behind the choice."""

    batch = models.ForeignKey(AcquisitionBatch, on_delete=models.CASCADE, related_name="items")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="acquisition_items")
    rank = models.PositiveIntegerField()
    purpose = models.CharField(max_length=20, choices=Purpose)
    reason = models.JSONField(default=dict)

    class Meta:
        ordering = ["batch", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "image"], name="acquisitionitem_image_once"),
            models.UniqueConstraint(fields=["batch", "rank"], name="acquisitionitem_rank_once"),
        ]

    def __str__(self) -> str:
        return f"Image {self.image_id}, rank {self.rank}"
