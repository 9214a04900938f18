"""Who may open the pages of the model side."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from annotations.models import Role, User
from annotations.permissions import get_project, roles_in

View = Callable[..., HttpResponse]
RUN_BY = (Role.ML_ENGINEER, Role.MANAGER)


def for_roles(*allowed: Role) -> Callable[[View], View]:
    """Members without one of the roles get 403, others 404."""

    def decorate(view: View) -> View:
        @wraps(view)
        @login_required
        def wrapped(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            project = get_project(slug, request.user)
            if not set(allowed) & roles_in(project, request.user):
                raise PermissionDenied
            return view(request, project, **kwargs)

        return wrapped

    return decorate


def signed_in(request: HttpRequest) -> User:
    """Only behind `login_required`."""
    return cast(User, request.user)
