"""For managers: which Images show what the levels of the Rubric look like."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotations.errors import DomainError
from annotations.manager_pages import context_of, image_key, project_for
from annotations.models import AnchorImage, Criterion, Project, Role, Rubric
from annotations.services.anchor_images import possible_anchors, remove_anchor_image, set_anchor_image

ON_A_PAGE = 24


@dataclass(frozen=True)
class Level:
    """`is_hidden`: who looks is to judge that Image elsewhere, and is not shown it."""

    value: float
    text: str
    anchor: AnchorImage | None
    is_hidden: bool


@login_required
def anchor_images(request: HttpRequest, slug: str) -> HttpResponse:
    """Each level with its Image, and those of earlier versions of the Rubric that no level has any more."""
    project = project_for(request, slug, Role.MANAGER)
    visible = set(AnchorImage.objects.visible_to(request.user).values_list("pk", flat=True))
    criteria = [(criterion, _levels(criterion, visible)) for criterion in _criteria(project)]
    used = {level.anchor.pk for _, levels in criteria for level in levels if level.anchor}
    left = AnchorImage.objects.shown().filter(project=project).exclude(pk__in=used).select_related("criterion")
    context = context_of(request, project) | {"criteria": criteria, "left": left}
    return render(request, "annotations/anchor_images.html", context)


@login_required
def choose_anchor(request: HttpRequest, slug: str, criterion_key: str, value: str) -> HttpResponse:
    """The Images that may be chosen for a level; POST takes one."""
    project = project_for(request, slug, Role.MANAGER)
    criterion = get_object_or_404(_criteria(project), key=criterion_key)
    level = _level(criterion, value)
    if request.method == "POST":
        return _store(request, criterion, level)
    images = possible_anchors(project).select_related("series").order_by("series__modality", "pk")
    context = context_of(request, project) | {
        "criterion": criterion,
        "value": level,
        "text": criterion.anchor_text(level),
        "page": Paginator(images, ON_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "annotations/choose_anchor.html", context)


@login_required
@require_POST
def remove_anchor(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = project_for(request, slug, Role.MANAGER)
    anchor = get_object_or_404(AnchorImage.objects.shown(), project=project, pk=pk)
    remove_anchor_image(anchor=anchor, now=timezone.now())
    messages.success(request, _("Taken away. Readers see it no more from their next case on."))
    return redirect("anchor-images", slug=project.slug)


def _store(request: HttpRequest, criterion: Criterion, value: float) -> HttpResponse:
    try:
        set_anchor_image(
            criterion=criterion,
            value=value,
            image_id=image_key(request),
            now=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Stored. Readers see it beside the level from their next case on."))
    return redirect("anchor-images", slug=criterion.rubric.project.slug)


def _criteria(project: Project) -> QuerySet[Criterion]:
    rubric = Rubric.objects.current(project)
    return Criterion.objects.filter(rubric=rubric).select_related("rubric__project")


def _levels(criterion: Criterion, visible: set[int]) -> list[Level]:
    shown = AnchorImage.objects.at_levels_of(criterion).select_related("image__series")
    anchors = {anchor.value: anchor for anchor in shown}
    values = sorted({*criterion.levels, *anchors})
    found = ((value, anchors.get(value)) for value in values)
    return [Level(at, criterion.anchor_text(at), one, one is not None and one.pk not in visible) for at, one in found]


def _level(criterion: Criterion, text: str) -> float:
    """The level of an address; nothing is found at what is none."""
    try:
        value = float(text)
    except ValueError as error:
        raise Http404 from error
    if not (isfinite(value) and criterion.admits(value)):
        raise Http404
    return value
