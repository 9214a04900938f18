import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotations.models import Criterion, Image, Project, Rubric


class Partition(models.TextChoices):
    TRAIN = "train", _("Training")
    VALIDATION = "validation", _("Validation")
    TEST = "test", _("Test")


class PatientPartition(models.Model):
    """Where a patient's Images belong, for good: no later run may train on what an earlier one was tested with."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="patient_partitions")
    patient_key = models.CharField(max_length=64)
    partition = models.CharField(max_length=10, choices=Partition)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "patient_key"], name="patientpartition_once"),
            models.CheckConstraint(condition=Q(partition__in=Partition.values), name="patientpartition_known"),
        ]

    def __str__(self) -> str:
        return f"A patient of {self.project}: {self.partition}"


class LabelSnapshot(models.Model):
    """An immutable, patient-split set of (Image, Consensus) that a run was given."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_snapshots")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="label_snapshots")
    sha256 = models.CharField(max_length=64, help_text="Of its entries in order.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Snapshot {self.id} of {self.project}"


class LabelSnapshotEntry(models.Model):
    """The Consensus of one Image on one Criterion at the moment of the snapshot."""

    snapshot = models.ForeignKey(LabelSnapshot, on_delete=models.CASCADE, related_name="entries")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    partition = models.CharField(max_length=10, choices=Partition)
    consensus = models.FloatField()
    reader_count = models.PositiveSmallIntegerField()
    spread = models.FloatField(null=True, help_text="Standard deviation among readers; empty with one reader.")

    class Meta:
        ordering = ["snapshot", "image", "criterion"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "image", "criterion"], name="labelsnapshotentry_once"),
            models.CheckConstraint(condition=Q(partition__in=Partition.values), name="labelsnapshotentry_known"),
            models.CheckConstraint(condition=Q(reader_count__gte=1), name="labelsnapshotentry_has_reader"),
        ]

    def __str__(self) -> str:
        return f"Image {self.image_id}: {self.consensus:g}"
