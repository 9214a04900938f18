"""Who asks."""

from typing import cast

from rest_framework.request import Request

from annotations.models import User


def user_of(request: Request) -> User:
    """The signed-in user; for views that let nobody else in."""
    return cast(User, request.user)
