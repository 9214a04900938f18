from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from annotations.models.assignment import Assignment
from annotations.models.project import Project
from annotations.models.user import User


class BookmarkQuerySet(models.QuerySet["Bookmark"]):
    def visible_to(self, user: User | AnonymousUser) -> BookmarkQuerySet:
        """One's own, in Projects of which one is still a member. Nobody else's: they tell what somebody found odd."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(user=user, assignment__project__in=Project.objects.visible_to(user))


class Bookmark(models.Model):
    """A reader's own mark on a case that they have or had before them. Its repeat is another case, without the mark."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bookmarks")
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField()

    objects = BookmarkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "assignment"], name="bookmark_once")]

    def __str__(self) -> str:
        return f"Bookmark of {self.assignment}"
