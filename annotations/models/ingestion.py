from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef

from annotations.models.imaging import ImageSlice, Instance
from annotations.models.job import Job
from annotations.models.project import Project


class ProjectInstanceQuerySet(models.QuerySet["ProjectInstance"]):
    def without_image(self) -> ProjectInstanceQuerySet:
        """Taken, but in none of the Project's Images: an ingest was cut off in between (or it is a duplicate)."""
        slices = ImageSlice.objects.filter(
            instance=OuterRef("instance"), image__project_images__project=OuterRef("project")
        )
        return self.filter(~Exists(slices))


class ProjectInstance(models.Model):
    """An Instance that a Project has taken in. A Project's Images are made of its own Instances and no others."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="project_instances")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="project_instances")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectInstanceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "instance"], name="projectinstance_unique"),
        ]

    def __str__(self) -> str:
        return f"Instance {self.instance_id} in project {self.project_id}"


class StagedFile(models.Model):
    """A file that was uploaded and waits for its ingest Job; deleted when the Job has taken or refused it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="staged_files")
    name = models.CharField(max_length=500, help_text="Relative path as uploaded.")
    storage_name = models.CharField(max_length=200, unique=True)
    byte_size = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Staged file {self.pk}"


class IngestRefusal(models.Model):
    """A file that was not taken, and why."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="refusals")
    name = models.CharField(max_length=500)
    reason = models.CharField(max_length=60)
    detail = models.TextField(help_text="In English.")
    pattern = models.TextField(blank=True, help_text="What the detail was made of, to be told in other languages.")
    values = models.JSONField(default=dict, blank=True, help_text="What stands in the pattern.")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Refusal {self.pk}: {self.reason}"
