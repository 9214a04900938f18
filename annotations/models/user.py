from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. What they may do in a Project is said by their Memberships."""

    reading_preferences = models.JSONField(
        default=dict, blank=True, help_text="Keys and mouse in the reading room: see services.preferences."
    )

    def __str__(self) -> str:
        return self.get_full_name() or self.username
