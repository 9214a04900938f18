from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person. What they may do in a Project is said by their Memberships."""

    def __str__(self) -> str:
        return self.get_full_name() or self.username
