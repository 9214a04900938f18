"""For managers: what was read and what was on the screen meanwhile; and what is asked of the readers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from annotations.forms import HangingLines, ProjectSettingsForm
from annotations.models import Project, Reading, Role
from annotations.permissions import get_project, roles_in

ON_A_PAGE = 50


@login_required
def readings(request: HttpRequest, slug: str) -> HttpResponse:
    """The Readings that blinding lets one see, the newest first; `?reader=` one person's."""
    project = project_for(request, slug, Role.MANAGER, Role.ML_ENGINEER)
    visible = Reading.objects.visible_to(request.user).of(project).current()
    reader = request.GET.get("reader", "")
    rows = visible.filter(reader__username=reader) if reader else visible
    rows = rows.select_related("reader", "image__series").prefetch_related(
        "scores__criterion", "abstentions__criterion"
    )
    context = context_of(request, project) | {
        "page": Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page")),
        "reader": reader,
        "readers": visible.order_by("reader__username").values_list("reader__username", flat=True).distinct(),
    }
    return render(request, "annotations/readings.html", context)


@login_required
def project_settings(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request, slug, Role.MANAGER)
    form = ProjectSettingsForm(request.POST or None, instance=project)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Stored. It holds from each reader's next case on."))
        return redirect("project-settings", slug=project.slug)
    return render(request, "annotations/project_settings.html", context_of(request, project) | {"form": form})


@login_required
def hanging(request: HttpRequest, slug: str) -> HttpResponse:
    """How the Project's images are first shown, a line for each modality and view."""
    project = project_for(request, slug, Role.MANAGER)
    lines = HangingLines(request.POST or None, instance=project)
    if request.method == "POST" and lines.is_valid():
        lines.save()
        messages.success(request, _("Stored. It holds from each reader's next case on."))
        return redirect("hanging", slug=project.slug)
    return render(request, "annotations/hanging.html", context_of(request, project) | {"lines": lines})


def project_for(request: HttpRequest, slug: str, *roles: Role) -> Project:
    """Members without one of the roles get 403, others 404."""
    project = get_project(slug, request.user)
    if not set(roles) & roles_in(project, request.user):
        raise PermissionDenied
    return project


def context_of(request: HttpRequest, project: Project) -> dict[str, Any]:
    return {"project": project, "roles": roles_in(project, request.user)}


def image_key(request: HttpRequest) -> int:
    """Of the Image that was chosen; 0, which none has, where it is no number of one."""
    text = request.POST.get("image", "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0
