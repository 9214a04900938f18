"""Pages. What they show comes from QuerySets and services; what they start is sent off here."""

from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from knox.models import AuthToken, get_token_model

from annotations.bundle import needs_bundle
from annotations.devices import device_of, name_device
from annotations.errors import DisplayCheckNeeded, DisplayCheckNotPassed
from annotations.forms import FirstAdministratorForm, ProjectForm
from annotations.models import AbstentionReason, DisplayCheck, Project, Reading, Role, User
from annotations.models.hanging import HungWindow
from annotations.permissions import get_project, roles_in
from annotations.services.agreement import agreement_of, counted_for
from annotations.services.cases import case_of
from annotations.services.display_checks import FIELDS, PLACES, check_behind, require_display_check
from annotations.services.preferences import MOUSE_TOOLS, RESERVED, preferences_of, reading_actions
from annotations.services.progress import progress_of, worklist_counts, worklist_counts_in
from annotations.services.projects import create_first_administrator, create_project
from annotations.services.replays import beside_of, shown_state
from annotations.services.undo import UNDO_WINDOW


class SignIn(LoginView):
    template_name = "annotations/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not User.objects.exists():
            return redirect("setup")
        return super().dispatch(request, *args, **kwargs)


def setup(request: HttpRequest) -> HttpResponse:
    """The first page of an empty installation: make the first administrator. Closed as soon as there is one."""
    if User.objects.exists():
        return redirect("sign-in")
    form = FirstAdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = create_first_administrator(
            username=form.cleaned_data["username"], password=form.cleaned_data["password"]
        )
        login(request, user)
        return redirect("home")
    return render(request, "annotations/setup.html", {"form": form})


@login_required
def home(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    projects = Project.objects.visible_to(user).with_roles_of(user).with_image_count()
    read = Project.objects.with_role(user, Role.READER)
    counts = worklist_counts_in(read, reader=user, now=timezone.now())
    cards = [{"project": project, "counts": counts.get(project.pk)} for project in projects]
    return render(request, "annotations/home.html", {"projects": cards})


@login_required
def new_project(request: HttpRequest) -> HttpResponse:
    if not request.user.is_superuser:
        raise PermissionDenied
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        project = create_project(creator=request.user, **form.cleaned_data)
        return redirect("project", slug=project.slug)
    return render(request, "annotations/new_project.html", {"form": form})


@login_required
def project(request: HttpRequest, slug: str) -> HttpResponse:
    """One page for everybody in the Project; each role sees its part."""
    current = get_project(slug, request.user)
    roles = roles_in(current, request.user)
    context: dict[str, Any] = {"project": current, "roles": roles}
    if Role.READER in roles:
        context["counts"] = worklist_counts(current, reader=signed_in(request), now=timezone.now())
    if {Role.MANAGER, Role.ML_ENGINEER} & roles:
        context["progress"] = progress_of(current, now=timezone.now())
        context["agreement"] = agreement_of(current, readings=counted_for(request.user, current))
    return render(request, "annotations/project.html", context)


@login_required
@needs_bundle
def read(request: HttpRequest, slug: str) -> HttpResponse:
    """The reading room; by way of the test of the screen where the Project asks for one."""
    current = _project_with_role(request, slug, Role.READER)
    reader, device = signed_in(request), device_of(request)
    try:
        require_display_check(project=current, user=reader, device=device, now=timezone.now())
    except (DisplayCheckNeeded, DisplayCheckNotPassed):
        return redirect(f"{reverse('display-check')}?project={current.slug}")
    last_check = DisplayCheck.objects.of_screen(reader, device).first()
    config = {
        "worklist_url": reverse("worklist", kwargs={"slug": current.slug}),
        "session_url": reverse("session"),
        "undo_url": reverse("worklist-undo", kwargs={"slug": current.slug}),
        "undo_seconds": UNDO_WINDOW.total_seconds(),
        "bookmarks_url": reverse("bookmark-list", kwargs={"slug": current.slug}),
        "preferences_url": reverse("preferences"),
        "preferences": preferences_of(reader),
        "hung_windows": HungWindow.values,
        "arm": current.arm,
        "display_check_url": f"{reverse('display-check')}?project={current.slug}",
        "display_check": last_check and {"id": str(last_check.pk), "has_passed": last_check.has_passed},
        "actions": [asdict(action) | {"label": gettext(action.label)} for action in reading_actions()],
        "mouse_tools": MOUSE_TOOLS,
        "abstention_reasons": AbstentionReason.choices,
        "reserved_keys": RESERVED,
        "project": {"slug": current.slug, "name": current.name},
        "csrf_token": get_token(request),
        "username": request.user.get_username(),
        "software_version": settings.SOFTWARE_VERSION,
    }
    return render(request, "annotations/read.html", {"project": current, "config": config})


@login_required
@needs_bundle
def display_check(request: HttpRequest) -> HttpResponse:
    """The test of the screen; `?project=` names the one that asks for it, to which one goes on."""
    user = signed_in(request)
    wanted = Project.objects.with_role(user, Role.READER).filter(slug=request.GET.get("project", "")).first()
    config = {
        "checks_url": reverse("display-check-list"),
        "fields": [asdict(field) for field in FIELDS],
        "places": PLACES,
        "next_url": reverse("read", kwargs={"slug": wanted.slug}) if wanted else reverse("home"),
        "csrf_token": get_token(request),
        "username": user.get_username(),
    }
    context = {
        "config": config,
        "project": wanted,
        "last": DisplayCheck.objects.of_screen(user, device_of(request)).first(),
    }
    response = render(request, "annotations/display_check.html", context)
    name_device(request, response)
    return response


@login_required
@needs_bundle
def replay(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What a reader saw when they submitted: for themselves, and for whom blinding lets see the Reading."""
    viewer = signed_in(request)
    visible = Reading.objects.visible_to(viewer).select_related("reader", "project", "assignment")
    reading = get_object_or_404(visible, pk=pk)
    case, beside = case_of(reading.assignment, reader=viewer), beside_of(reading, viewer=viewer)
    context = {
        "project": reading.project,
        "roles": roles_in(reading.project, request.user),
        "reading": reading,
        "state": reading.display_state,
        "notices": reading.display_notices,
        "check": check_behind(reading),
        "beside": beside,
        "config": {"case": case, "display_state": shown_state(reading), "beside": beside},
    }
    return render(request, "annotations/replay.html", context)


@login_required
@needs_bundle
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    current = _project_with_role(request, slug, Role.MANAGER)
    config = {
        "ingests_url": reverse("ingest-list", kwargs={"slug": current.slug}),
        "csrf_token": get_token(request),
        "username": signed_in(request).get_username(),
        "project": {"slug": current.slug, "name": current.name},
    }
    roles = roles_in(current, request.user)
    return render(request, "annotations/upload.html", {"project": current, "roles": roles, "config": config})


def _project_with_role(request: HttpRequest, slug: str, role: Role) -> Project:
    current = get_project(slug, request.user)
    if role not in roles_in(current, request.user):
        raise PermissionDenied
    return current


@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """One's API tokens. A new one is shown once; only its hash is kept."""
    made = AuthToken.objects.create(user=request.user)[1] if request.method == "POST" else None
    own = get_token_model().objects.filter(user=request.user).order_by("-created")
    return render(request, "annotations/tokens.html", {"tokens": own, "made": made})


@login_required
@require_POST
def revoke_token(request: HttpRequest, digest: str) -> HttpResponse:
    get_object_or_404(get_token_model(), user=request.user, digest=digest).delete()
    return redirect("tokens")


def signed_in(request: HttpRequest) -> User:
    """Only behind `login_required`."""
    return cast(User, request.user)
