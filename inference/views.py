"""The models page and the report of a run. A refusal is a message on the page where the click was made."""

from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from annotations.bundle import needs_bundle
from annotations.errors import DomainError
from annotations.models import Image, Job, JobKind, Project, Role
from annotations.permissions import roles_in
from annotations.queueing import enqueue_on_commit
from annotations.services.jobs import cancel_job
from inference.access import RUN_BY, View, for_roles, signed_in
from inference.models import AcquisitionBatch, FineTuneRun, ModelVersion, Prediction, ScoringRefusal
from inference.presentation import report_config, report_tables
from inference.services import finetuning, registry, selection
from inference.services import scoring as prescoring


def refusals_as_messages(view: View) -> View:
    """What the domain refuses is said on the models page."""

    @wraps(view)
    def wrapped(request: HttpRequest, project: Project, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, project, **kwargs)
        except DomainError as refused:
            messages.error(request, refused.detail, extra_tags="bad")
            return redirect("models", slug=project.slug)

    return wrapped


@for_roles(*RUN_BY)
def scoring(request: HttpRequest, project: Project) -> HttpResponse:
    """Fragment: how far the production model's pre-scoring is."""
    version = ModelVersion.objects.production(project)
    images = Image.objects.in_project(project)
    context = {
        "project": project,
        "roles": roles_in(project, request.user),
        "version": version,
        "images": images.count(),
        "scored": Prediction.objects.filter(model_version=version, image__in=images).count(),
        "refusals": ScoringRefusal.objects.visible_to(request.user).filter(model_version=version).order_by("pk")[:20],
        "scoring_job": Job.objects.filter(project=project, kind=JobKind.PRESCORE).first(),
        "ingest_job": Job.objects.filter(project=project, kind=JobKind.INGEST).active().first(),
    }
    return render(request, "inference/scoring.html", context)


@for_roles(*RUN_BY)
@require_POST
@refusals_as_messages
def prescore(request: HttpRequest, project: Project) -> HttpResponse:
    enqueue_on_commit(prescoring.start_prescoring(project=project, by=signed_in(request), now=timezone.now()))
    messages.success(request, _("The pre-scoring is on its way."), extra_tags="good")
    return redirect("models", slug=project.slug)


@for_roles(*RUN_BY)
@require_POST
@refusals_as_messages
def select(request: HttpRequest, project: Project) -> HttpResponse:
    batch = selection.select_batch(project=project, by=signed_in(request))
    count = batch.items.count()
    text = ngettext(
        "%(count)s image was chosen and put in the worklists.",
        "%(count)s images were chosen and put in the worklists.",
        count,
    )
    messages.success(request, text % {"count": count}, extra_tags="good")
    return redirect("models", slug=project.slug)


@for_roles(*RUN_BY)
def models(request: HttpRequest, project: Project) -> HttpResponse:
    context = {
        "project": project,
        "roles": roles_in(project, request.user),
        "versions": ModelVersion.objects.visible_to(request.user).filter(project=project).for_lists(),
        "runs": FineTuneRun.objects.visible_to(request.user).filter(project=project).for_lists().select_related("job"),
        "batches": latest_batches(request, project),
        "can_train": Role.ML_ENGINEER in roles_in(project, request.user),
        "production": (production := ModelVersion.objects.production(project)),
        "is_shipped_newer": registry.is_shipped_newer(production),
    }
    return render(request, "inference/models.html", context)


def latest_batches(request: HttpRequest, project: Project) -> QuerySet[AcquisitionBatch]:
    batches = AcquisitionBatch.objects.visible_to(request.user).filter(project=project).with_image_count()
    return batches.select_related("model_version").defer("model_version__report")[:10]


@for_roles(Role.ML_ENGINEER)
@require_POST
@refusals_as_messages
def promote(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    version = get_object_or_404(ModelVersion.objects.visible_to(request.user), project=project, pk=pk)
    registry.promote(version=version, by=signed_in(request), now=timezone.now())
    text = _("Version %(number)s is in production. The images are being scored again.")
    messages.success(request, text % {"number": version.number}, extra_tags="good")
    return redirect("models", slug=project.slug)


@for_roles(Role.ML_ENGINEER)
@require_POST
@refusals_as_messages
def roll_back(request: HttpRequest, project: Project) -> HttpResponse:
    leaving = request.POST.get("leaving", "")
    version = registry.roll_back(
        project=project,
        by=signed_in(request),
        now=timezone.now(),
        leaving=int(leaving) if leaving.isdecimal() else None,
    )
    messages.success(
        request, _("Version %(number)s is in production again.") % {"number": version.number}, extra_tags="good"
    )
    return redirect("models", slug=project.slug)


@for_roles(Role.ML_ENGINEER)
@require_POST
@refusals_as_messages
def start_run(request: HttpRequest, project: Project) -> HttpResponse:
    start = registry.read_shipped() if request.POST.get("start") == "shipped" else None
    started = finetuning.start_run(project=project, by=signed_in(request), seed=0, start=start)
    enqueue_on_commit(started.job)
    return redirect("run", slug=project.slug, pk=started.pk)


@for_roles(*RUN_BY)
@needs_bundle
def run(request: HttpRequest, project: Project, pk: UUID) -> HttpResponse:
    current = visible_run(request, project, pk)
    context = {
        "project": project,
        "roles": roles_in(project, request.user),
        "run": current,
        "tables": report_tables(current),
        "config": report_config(current),
        "is_production_parent": ModelVersion.objects.production(project) == current.parent,
        "can_train": Role.ML_ENGINEER in roles_in(project, request.user),
    }
    return render(request, "inference/run.html", context)


@for_roles(Role.ML_ENGINEER)
@require_POST
@refusals_as_messages
def cancel_run(request: HttpRequest, project: Project, pk: UUID) -> HttpResponse:
    current = visible_run(request, project, pk)
    cancel_job(job=current.job, now=timezone.now())
    return redirect("run", slug=project.slug, pk=current.pk)


def visible_run(request: HttpRequest, project: Project, pk: UUID) -> FineTuneRun:
    runs = FineTuneRun.objects.visible_to(request.user).select_related(
        "job", "parent", "start", "candidate", "snapshot"
    )
    return get_object_or_404(runs, project=project, pk=pk)
