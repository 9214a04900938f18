"""Django's administration of the model side: to be looked at; a refusal may be deleted, and is then tried again."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from annotations.admin import BlindedAdmin, LookOnlyAdmin, ProjectBlindedAdmin
from inference.models import (
    AcquisitionBatch,
    Embedding,
    FineTuneRun,
    LabelSnapshot,
    ModelVersion,
    PatientPartition,
    Prediction,
    ScoringRefusal,
)


@admin.register(ModelVersion)
class ModelVersionAdmin(ProjectBlindedAdmin):
    list_display = ["project", "number", "stage", "parent", "created_at", "promoted_at", "promoted_by"]
    list_filter = ["project", "stage"]


@admin.register(Prediction)
class PredictionAdmin(BlindedAdmin):
    list_display = ["pk", "project", "image", "model_version", "ood_distance", "created_at"]
    list_filter = ["project", "model_version__number"]
    list_select_related = ["project", "image", "model_version__project"]


@admin.register(ScoringRefusal)
class ScoringRefusalAdmin(BlindedAdmin):
    list_display = ["project", "image", "model_version", "reason", "detail", "created_at"]
    list_filter = ["project", "reason"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(AcquisitionBatch)
class AcquisitionBatchAdmin(ProjectBlindedAdmin):
    list_display = ["id", "project", "strategy", "seed", "size", "pool_size", "created_at", "created_by"]
    list_filter = ["project", "strategy"]


@admin.register(LabelSnapshot)
class LabelSnapshotAdmin(ProjectBlindedAdmin):
    list_display = ["id", "project", "rubric", "sha256", "created_at"]
    list_filter = ["project"]


@admin.register(PatientPartition)
class PatientPartitionAdmin(LookOnlyAdmin):
    list_display = ["project", "patient_key", "partition"]
    list_filter = ["project", "partition"]


@admin.register(FineTuneRun)
class FineTuneRunAdmin(ProjectBlindedAdmin):
    list_display = ["id", "project", "job", "parent", "candidate", "seed", "created_at"]
    list_filter = ["project"]


@admin.register(Embedding)
class EmbeddingAdmin(LookOnlyAdmin):
    list_display = ["image", "features_version", "created_at"]
    exclude = ["vector"]
