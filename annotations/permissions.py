"""Who may: the role that a request needs in the Project of its path. Who is no member finds nothing (404)."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from annotations.models import Membership, Project, Role, User


def roles_in(project: Project, user: User | AnonymousUser) -> set[str]:
    """The user's roles in the Project; empty for who is no member."""
    if not user.is_authenticated:
        return set()
    return set(Membership.objects.filter(project=project, user=user).values_list("role", flat=True))


def get_project(slug: str, user: User | AnonymousUser) -> Project:
    """The Project of a path, for its members; to all others it does not exist."""
    return get_object_or_404(Project.objects.visible_to(user), slug=slug)


class ProjectRole(BasePermission):
    """Membership with one of the roles, in the Project that `view.get_permission_project()` names.

    Use as `permission_classes = [IsAuthenticated, project_role(Role.MANAGER, read=(Role.ML_ENGINEER,))]`.
    """

    message: StrOrPromise = _("Your role in this project does not allow this. Ask a project manager.")
    write_roles: frozenset[str] = frozenset()
    read_roles: frozenset[str] = frozenset()

    def has_permission(self, request: Request, view: APIView) -> bool:
        slug = view.kwargs.get("slug")
        return slug is None or self._allows(request, get_project(slug, request.user))

    def has_object_permission(self, request: Request, view: APIView, obj: object) -> bool:
        project = obj if isinstance(obj, Project) else getattr(obj, "project", None)
        if not isinstance(project, Project):
            raise Http404
        return self._allows(request, project)

    def _allows(self, request: Request, project: Project) -> bool:
        allowed = self.read_roles if request.method in SAFE_METHODS else self.write_roles
        return bool(allowed & roles_in(project, request.user))


def project_role(*roles: Role, read: tuple[Role, ...] = ()) -> type[ProjectRole]:
    """A permission class: `roles` may do everything, the roles in `read` may look as well."""
    return type(
        "ProjectRole",
        (ProjectRole,),
        {"write_roles": frozenset(roles), "read_roles": frozenset((*roles, *read))},
    )


def any_member() -> type[ProjectRole]:
    """Every member may look; nobody may change anything through this view."""
    return project_role(read=tuple(Role))
