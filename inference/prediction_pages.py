"""What a model said of each Image, and why: for ML staff and managers, as far as blinding lets them see it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotations.models import Project
from annotations.permissions import roles_in
from inference.access import RUN_BY, for_roles, signed_in
from inference.errors import UnknownPromptWord
from inference.mediqa.faults import faults_of
from inference.mediqa.prompt import VOCABULARY
from inference.models import ModelVersion, Prediction, PromptCorrection
from inference.pictures import slice_pictures
from inference.services import prompts
from inference.services.levels import level_chances
from inference.services.neighbours import nearest_read

ON_A_PAGE = 24
SHOWN_FACTORS = ("modality", "region")  # of the prompt, in the list
ORDERS = {
    "uncertain": ("-uncertainty", "image"),
    "strange": ("-ood_distance", "image"),
    "image": ("image",),
}


@for_roles(*RUN_BY)
def predictions(request: HttpRequest, project: Project) -> HttpResponse:
    """Of the production model, the most uncertain first; `?order=` strange or image."""
    order = request.GET.get("order", "")
    order = order if order in ORDERS else "uncertain"
    version = ModelVersion.objects.production(project)
    rows = _visible(request, project).filter(model_version=version).annotate(uncertainty=Max("criteria__epistemic_std"))
    page = Paginator(rows.order_by(*ORDERS[order]), ON_A_PAGE).get_page(request.GET.get("page"))
    shown = [(one, ", ".join(_in_words(one.prompt.get(factor, "")) for factor in SHOWN_FACTORS)) for one in page]
    context = {
        "project": project,
        "roles": roles_in(project, request.user),
        "version": version,
        "page": page,
        "shown": shown,
        "order": order,
    }
    return render(request, "inference/predictions.html", context)


@for_roles(*RUN_BY)
def prediction(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """One Prediction: the score with its interval, the patches and slices it was made from, the nearest read Images."""
    found = get_object_or_404(_visible(request, project), pk=pk)
    context = {
        "project": project,
        "roles": roles_in(project, request.user),
        "prediction": found,
        "levels": [(one.criterion, chances) for one in found.criteria.all() if (chances := level_chances(one))],
        "pictures": slice_pictures(found),
        "prompt": _prompt(found),
        "corrections": _corrections(found),
        "faults": faults_of(found.physical, gettext),
        "neighbours": nearest_read(prediction=found, user=signed_in(request)),
    }
    return render(request, "inference/prediction.html", context)


@for_roles(*RUN_BY)
@require_POST
def correct_prompt(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """Say what the Image is; an empty word leaves the factor to the header and the classifier."""
    found = get_object_or_404(_visible(request, project), pk=pk)
    factors = {factor: request.POST[factor] for factor in VOCABULARY if request.POST.get(factor)}
    try:
        prompts.correct_prompt(image=found.image, factors=factors, by=signed_in(request), now=timezone.now())
    except UnknownPromptWord as refused:
        messages.error(request, refused.detail, extra_tags="bad")
    else:
        text = _("Kept. It counts from the next model version or fine-tuning on; this score stays.")
        messages.success(request, text)
    return redirect("prediction", slug=project.slug, pk=pk)


def _visible(request: HttpRequest, project: Project) -> QuerySet[Prediction]:
    rows = Prediction.objects.visible_to(request.user).filter(project=project)
    return rows.select_related("model_version", "image", "project").prefetch_related("criteria__criterion")


def _prompt(found: Prediction) -> list[dict[str, Any]]:
    """Each factor: its word, where it came from, and how sure the classifier is where it was that."""
    return [
        {
            "factor": _in_words(factor),
            "word": _in_words(word),
            "origin": found.prompt_provenance.get(factor, ""),
            "confidence": found.prompt_confidence.get(factor),
        }
        for factor, word in found.prompt.items()
    ]


def _corrections(found: Prediction) -> list[dict[str, Any]]:
    """Each factor with the words that can be said, and the one that a person has said."""
    said = PromptCorrection.objects.filter(image=found.image_id).values_list("factors", flat=True).first() or {}
    return [
        {
            "factor": factor,
            "name": _in_words(factor),
            "said": said.get(factor, ""),
            "words": [(word, _in_words(word)) for word in words],
        }
        for factor, words in VOCABULARY.items()
    ]


def _in_words(name: str) -> str:
    return gettext(name.replace("_", " "))
