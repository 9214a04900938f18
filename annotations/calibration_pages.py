"""For managers: which Images every reader is given, and how the readers compare on them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotations.errors import DomainError
from annotations.manager_pages import context_of, image_key, project_for
from annotations.models import Membership, Role
from annotations.services.agreement import agreement_of, counted_for
from annotations.services.calibration import (
    add_calibration_image,
    calibration_cases,
    possible_calibration_images,
    remove_calibration_image,
)

ON_A_PAGE = 24


@login_required
def calibration(request: HttpRequest, slug: str) -> HttpResponse:
    """What was said of them comes from Readings that blinding lets one see."""
    project = project_for(request, slug, Role.MANAGER)
    cases = calibration_cases(project)
    said = counted_for(request.user, project).filter(image__in=cases.values("image"))
    context = context_of(request, project) | {
        "cases": cases,
        "reader_count": Membership.objects.filter(project=project, role=Role.READER).count(),
        "agreement": agreement_of(project, readings=said),
    }
    return render(request, "annotations/calibration.html", context)


@login_required
def choose_calibration(request: HttpRequest, slug: str) -> HttpResponse:
    """The Images that may be added; POST adds one."""
    project = project_for(request, slug, Role.MANAGER)
    if request.method == "POST":
        try:
            add_calibration_image(project=project, image_id=image_key(request))
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, _("Added. Each reader is given it among their next cases."))
        return redirect("calibration", slug=project.slug)
    images = possible_calibration_images(project).select_related("series").order_by("series__modality", "pk")
    context = context_of(request, project) | {"page": Paginator(images, ON_A_PAGE).get_page(request.GET.get("page"))}
    return render(request, "annotations/choose_calibration.html", context)


@login_required
@require_POST
def remove_calibration(request: HttpRequest, slug: str, image_pk: int) -> HttpResponse:
    project = project_for(request, slug, Role.MANAGER)
    try:
        remove_calibration_image(project=project, image_id=image_pk)
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Taken out. Nobody else is given it for this; what was said of it stays."))
    return redirect("calibration", slug=project.slug)
