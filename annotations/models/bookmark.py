from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models

from annotations.models.imaging import Image
from annotations.models.project import Project
from annotations.models.user import User


class BookmarkQuerySet(models.QuerySet["Bookmark"]):
    def visible_to(self, user: User | AnonymousUser) -> BookmarkQuerySet:
        """One's own, in Projects of which one is still a member. Nobody else's: they tell what somebody found odd."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(user=user, project__in=Project.objects.visible_to(user))


class Bookmark(models.Model):
    """A reader's own mark on an Image that they have or had before them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bookmarks")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="bookmarks")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="bookmarks")
    created_at = models.DateTimeField()

    objects = BookmarkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "project", "image"], name="bookmark_once")]

    def __str__(self) -> str:
        return f"Bookmark of image {self.image_id}"
