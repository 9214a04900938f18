from django.db import models

from annotations.models.job import Job


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
    detail = models.TextField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["job", "name"], name="ingestrefusal_once_per_file")]

    def __str__(self) -> str:
        return f"Refusal {self.pk}: {self.reason}"
