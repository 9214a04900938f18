from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from annotations.models.assignment import Assignment
from annotations.models.project import Project
from annotations.models.user import User


class DraftQuerySet(models.QuerySet["Draft"]):
    def visible_to(self, user: User | AnonymousUser) -> DraftQuerySet:
        """One's own, in Projects of which one is still a member. Nobody else's, whatever their role."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(reader=user, assignment__project__in=Project.objects.visible_to(user))


class Draft(models.Model):
    """A judgement not yet submitted, as one reader's devices share it. No Reading: nothing counts it.

    Of two edits the one with the larger `revision` stands, which the devices count; no clock is asked.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="drafts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    client_key = models.UUIDField(help_text="Of the Reading to be: whichever device submits it, it is one.")
    revision = models.PositiveIntegerField(help_text="Grows with each edit, on whatever device.")
    content = models.JSONField(help_text="Scores, abstentions, findings, comment, confidence, what it corrects.")
    updated_at = models.DateTimeField()

    objects = DraftQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "reader"], name="draft_one_for_a_reader"),
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="draft_revision_from_one"),
        ]

    def __str__(self) -> str:
        return f"Draft of assignment {self.assignment_id}, revision {self.revision}"
