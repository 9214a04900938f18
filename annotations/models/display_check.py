from __future__ import annotations

import uuid
from datetime import date

from django.conf import settings
from django.db import models

from annotations.models.user import User


class DisplayCheckQuerySet(models.QuerySet["DisplayCheck"]):
    def of_screen(self, user: User, device: uuid.UUID | None) -> DisplayCheckQuerySet:
        """The user's checks in one browser; none where the browser is not known. The newest first."""
        return self.filter(user=user, device=device) if device else self.none()

    def on_day(self, day: date) -> DisplayCheckQuerySet:
        """Of a day in the installation's time zone."""
        return self.filter(checked_at__date=day)


class DisplayCheck(models.Model):
    """One person's answers to the test pattern on one screen. Immutable; the next one stands beside it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="display_checks")
    device = models.UUIDField(help_text="Names the browser, which stands for the screen; kept in a cookie there.")
    answers = models.JSONField(help_text="For each field of the pattern what was shown and what was answered.")
    has_passed = models.BooleanField(help_text="By the rule that held when it was made.")
    columns = models.PositiveIntegerField(help_text="Of the screen, in device pixels.")
    rows = models.PositiveIntegerField(help_text="Of the screen, in device pixels.")
    device_pixel_ratio = models.FloatField(help_text="Device pixels for one CSS pixel.")
    seconds = models.FloatField(help_text="From the first field to the last answer.")
    checked_at = models.DateTimeField(db_index=True)

    objects = DisplayCheckQuerySet.as_manager()

    class Meta:
        ordering = ["-checked_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(columns__gte=1, rows__gte=1, device_pixel_ratio__gt=0, seconds__gte=0),
                name="displaycheck_screen_has_a_size",
            )
        ]

    def __str__(self) -> str:
        return f"Display check of {self.user_id}, {'passed' if self.has_passed else 'not passed'}"
