"""The permission matrix: every role, every endpoint, every verb, in one's own Project and in another's.

Two Projects are filled alike. What a line of the matrix does not allow is refused: 403 for members without the role,
404 for everybody else, 401 (on pages: the way to the sign-in) for who is not signed in.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.models import Arm, Job, JobKind, JobState, Project, Role, User
from annotations.services.anchor_images import set_anchor_image
from annotations.services.worklists import lease_assignments
from inference.models import AcquisitionBatch, FineTuneRun, LabelSnapshot, ModelVersion, Prediction, Stage, Strategy
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]

R, M, E = Role.READER, Role.MANAGER, Role.ML_ENGINEER
ALL, NOBODY = {R, M, E}, set[Role]()
VERBS = ("get", "post", "put", "patch", "delete")

# (name, verb) -> the roles that may. A verb that is not named is for nobody: 405, or the same refusal as the others.
API: dict[tuple[str, str], set[Role]] = {
    ("project-list", "get"): ALL,
    ("project-detail", "get"): ALL,
    ("project-progress", "get"): {M, E},
    ("worklist", "post"): {R},
    ("worklist-undo", "post"): {R},
    ("bookmark-list", "get"): {R},
    ("bookmark-of-case", "put"): {R},
    ("bookmark-of-case", "delete"): {R},
    ("image-list", "get"): ALL,
    ("image-thumbnail", "get"): ALL,
    ("anchor-image-detail", "get"): ALL,
    ("ingest-list", "post"): {M},
    ("ingest-detail", "get"): {M, E},
    ("ingest-files", "post"): {M},
    ("ingest-start", "post"): {M},
    ("ingest-refusals", "get"): {M, E},
    ("job-detail", "get"): {M, E},
    ("job-cancel", "post"): {M},  # an ingest; for the other kinds see below
    ("assignment-lease", "post"): {R},
    ("assignment-lease", "delete"): {R},
    ("assignment-prior", "get"): {R},
    ("assignment-draft", "get"): {R},
    ("assignment-draft", "put"): {R},
    ("assignment-readings", "post"): {R},
    ("reading-list", "get"): ALL,
    ("reading-detail", "get"): ALL,
    ("reading-corrections", "post"): {R},
    ("prescorings", "post"): {M, E},
    ("acquisition-batch-list", "get"): {M, E},
    ("acquisition-batch-list", "post"): {M, E},
    ("acquisition-batch-detail", "get"): {M, E},
    ("prediction-list", "get"): ALL,
    ("assignment-feedback", "get"): {R},
    ("model-version-list", "get"): {M, E},
    ("model-version-promote", "post"): {E},
    ("model-version-roll-back", "post"): {E},
    ("fine-tune-run-list", "get"): {M, E},
    ("fine-tune-run-list", "post"): {E},
    ("fine-tune-run-detail", "get"): {M, E},
    ("fine-tune-run-cancel", "post"): {E},
}
PAGES: dict[tuple[str, str], set[Role]] = {
    ("project", "get"): ALL,
    ("read", "get"): {R},
    ("replay", "get"): ALL,  # of one's own Readings, else as blinding allows: see test_replay
    ("upload", "get"): {M},
    ("readings", "get"): {M, E},
    ("project-settings", "get"): {M},
    ("project-settings", "post"): {M},
    ("anchor-images", "get"): {M},
    ("choose-anchor", "get"): {M},
    ("choose-anchor", "post"): {M},
    ("remove-anchor", "post"): {M},
    ("calibration", "get"): {M},
    ("choose-calibration", "get"): {M},
    ("choose-calibration", "post"): {M},
    ("remove-calibration", "post"): {M},
    ("hanging", "get"): {M},
    ("hanging", "post"): {M},
    ("scoring", "get"): {M, E},
    ("predictions", "get"): {M, E},
    ("prediction", "get"): {M, E},
    ("correct-prompt", "post"): {M, E},
    ("models", "get"): {M, E},
    ("prescore", "post"): {M, E},
    ("select", "post"): {M, E},
    ("promote", "post"): {E},
    ("roll-back", "post"): {E},
    ("start-run", "post"): {E},
    ("run", "get"): {M, E},
    ("cancel-run", "post"): {E},
}
# Not of a Project: open to all, or about oneself.
FOR_EVERYBODY = {
    *("home", "sign-in", "sign-out", "setup", "tokens", "revoke-token", "new-project", "session", "preferences"),
    *("display-check", "display-check-list"),
    *("favicon", "healthz", "readyz", "schema", "api-docs", "api-root", "set_language"),
}
LISTS = {"project-list", "reading-list"}


@dataclass
class World:
    """A Project with something behind every address."""

    project: Project
    people: dict[Role, User]
    keys: dict[str, dict[str, Any]]


def make_world() -> World:
    project = make_project(overlap=3, arm=Arm.TRAINING, is_prior_shown=True)
    people = {role: make_member(project, role) for role in Role}
    image = make_image(project, patient_key="patient", study_date=date(2020, 1, 1))
    reading = make_reading(project, image, people[R])
    later = make_image(project, patient_key="patient", study_date=date(2021, 1, 1))
    assignment = make_assignment(project, later)
    lease_assignments(project=project, reader=people[R], count=1, now=timezone.now())
    versions = [make_version(project, number, stage) for number, stage in enumerate(Stage.values, start=1)]
    run = make_run(project, versions[1])
    ingest = Job.objects.create(project=project, kind=JobKind.INGEST, state=JobState.STAGED, created_by=people[M])
    batch = AcquisitionBatch.objects.create(
        project=project,
        model_version=versions[1],
        strategy=Strategy.RANDOM,
        seed=0,
        size=1,
        random_share=1,
        pool_size=1,
    )
    prediction = Prediction.objects.create(
        project=project,
        image=image,
        model_version=versions[1],
        prompt={},
        prompt_provenance={},
        slice_indices=[],
        slice_weights=[],
        ood_distance=0.5,
    )
    slug = {"slug": project.slug}
    criterion = project.rubrics.get().criteria.get()
    anchor = set_anchor_image(criterion=criterion, value=2, image_id=make_image(project).pk, now=timezone.now())
    keys = {
        "anchor-image-detail": {"pk": anchor.pk},
        "remove-anchor": slug | {"pk": anchor.pk},
        "choose-anchor": slug | {"criterion_key": criterion.key, "value": "3"},
        "remove-calibration": slug | {"image_pk": image.pk},
        "image-thumbnail": {"pk": image.pk},
        "bookmark-of-case": slug | {"assignment_pk": assignment.pk},
        "assignment-lease": {"pk": assignment.pk},
        "assignment-prior": {"pk": assignment.pk},
        "assignment-draft": {"pk": assignment.pk},
        "assignment-readings": {"pk": assignment.pk},
        "assignment-feedback": {"pk": reading.assignment_id},
        "reading-detail": {"pk": reading.pk},
        "replay": {"pk": reading.pk},
        "reading-corrections": {"pk": reading.pk},
        "acquisition-batch-detail": {"pk": batch.pk},
        "model-version-promote": {"pk": versions[0].pk},
        "promote": slug | {"pk": versions[0].pk},
        "prediction": slug | {"pk": prediction.pk},
        "correct-prompt": slug | {"pk": prediction.pk},
        "run": slug | {"pk": run.pk},
        "cancel-run": slug | {"pk": run.pk},
        "project-list": {},
        "reading-list": {},
    }
    keys |= {name: {"pk": run.pk} for name in ("fine-tune-run-detail", "fine-tune-run-cancel")}
    keys |= {name: {"pk": ingest.pk} for name in ("ingest-detail", "ingest-files", "ingest-start", "ingest-refusals")}
    keys |= {name: {"pk": ingest.pk} for name in ("job-detail", "job-cancel")}
    return World(project, people, {name: keys.get(name, slug) for name, _ in (*API, *PAGES)})


def make_version(project: Project, number: int, stage: str) -> ModelVersion:
    rubric = project.rubrics.get()
    return ModelVersion.objects.create(project=project, rubric=rubric, number=number, stage=stage, **CHECKPOINT)


CHECKPOINT = dict.fromkeys(("weights_name", "document_name", "sha256", "features_version"), "0" * 64)


def make_run(project: Project, parent: ModelVersion) -> FineTuneRun:
    snapshot = LabelSnapshot.objects.create(project=project, rubric=project.rubrics.get(), sha256="0" * 64)
    job = Job.objects.create(project=project, kind=JobKind.FINE_TUNE)
    return FineTuneRun.objects.create(project=project, job=job, snapshot=snapshot, parent=parent, seed=0)


def ask(client: APIClient | Client, world: World, name: str, verb: str) -> int:
    """The status of a request, whose effect is taken back."""
    address = reverse(name, kwargs=world.keys[name])
    with transaction.atomic():
        response = getattr(client, verb)(address)
        transaction.set_rollback(True)
    return int(response.status_code)


def is_allowed(status: int) -> bool:
    """The door was passed: the answer is about the request, not about the person."""
    return status not in (401, 403, 404, 405)


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return sign_in


@pytest.mark.parametrize("role", Role)
def test_member_may_what_the_matrix_says_and_no_more(role: Role, signed_in: Callable[[User], Client]) -> None:
    wrong = []
    world = make_world()
    client = signed_in(world.people[role])
    for (name, verb), allowed in (API | PAGES).items():
        status = ask(client, world, name, verb)
        expected = role in allowed
        if name == "image-thumbnail" and expected:
            expected, status = True, 200 if status in (200, 404) else status  # these images have no thumbnail
        if is_allowed(status) != expected or status >= 500:
            wrong.append((name, verb, role.value, status))
    assert wrong == []


@pytest.mark.parametrize("role", [*Role, None])
def test_everybody_else_finds_nothing(role: Role | None, signed_in: Callable[[User], Client]) -> None:
    """Members of another Project, in every role, and users of no Project."""
    world, other = make_world(), make_world()
    stranger = other.people[role] if role else make_user()
    client = signed_in(stranger)
    statuses = {(name, verb): ask(client, world, name, verb) for name, verb in (API | PAGES) if name not in LISTS}
    assert {key: status for key, status in statuses.items() if status != 404} == {}


def test_lists_hold_nothing_of_other_projects(signed_in: Callable[[User], Client]) -> None:
    world, other = make_world(), make_world()
    client = signed_in(other.people[M])
    assert [entry["slug"] for entry in client.get("/api/v1/projects/").json()["results"]] == [other.project.slug]
    readings = client.get("/api/v1/readings/", {"project__slug": world.project.slug}).json()["results"]
    assert readings == []


def test_who_is_not_signed_in_is_refused() -> None:
    world, client = make_world(), Client()
    for name, verb in API:
        assert ask(client, world, name, verb) == 401, (name, verb)
    for name, verb in PAGES:
        assert ask(client, world, name, verb) == 302, (name, verb)


def test_verbs_that_no_line_names_change_nothing(signed_in: Callable[[User], Client]) -> None:
    world = make_world()
    user = world.people[E]
    for role in (R, M):
        world.project.memberships.create(user=user, role=role)
    client = signed_in(user)
    for name in {name for name, _ in API}:
        for verb in VERBS:
            if (name, verb) not in API:
                assert ask(client, world, name, verb) in (403, 404, 405), (name, verb)


def test_matrix_names_every_address() -> None:
    names = {name for name in route_names(get_resolver()) if name}
    known = {name for name, _ in (*API, *PAGES)} | FOR_EVERYBODY
    assert names - known - {name for name in names if name.startswith("dicomweb-")} == set()


def route_names(resolver: URLResolver, inside: str = "") -> list[str]:
    found: list[str] = []
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            found.append(entry.name or "")
        elif entry.namespace not in ("admin", "djdt"):
            found.extend(route_names(entry))
    return found


def test_token_may_what_its_user_may_and_nothing_after_it_is_revoked(signed_in: Callable[[User], Client]) -> None:
    world = make_world()
    page = signed_in(world.people[M])
    token = page.post("/settings/tokens/").context["made"]
    client = APIClient(headers={"Authorization": f"Token {token}"})
    assert client.get("/api/v1/projects/").json()["results"][0]["slug"] == world.project.slug
    assert client.post(f"/api/v1/projects/{world.project.slug}/worklist/").status_code == 403
    digest = page.get("/settings/tokens/").context["tokens"][0].digest
    page.post(f"/settings/tokens/{digest}/revoke/")
    assert client.get("/api/v1/projects/").status_code == 401


@pytest.mark.parametrize(
    ("kind", "allowed"), [(JobKind.INGEST, {M}), (JobKind.PRESCORE, {M, E}), (JobKind.FINE_TUNE, {E})]
)
def test_job_is_cancelled_by_the_roles_that_may_start_it(
    signed_in: Callable[[User], Client], kind: JobKind, allowed: set[Role]
) -> None:
    project = make_project()
    job = Job.objects.create(project=project, kind=kind)
    for role in (R, M, E):
        with transaction.atomic():
            answer = signed_in(make_member(project, role)).post(f"/api/v1/jobs/{job.pk}/cancel/")
            transaction.set_rollback(True)
        assert is_allowed(answer.status_code) == (role in allowed), role


def test_keys_that_do_not_exist_are_not_found(signed_in: Callable[[User], Client]) -> None:
    client = signed_in(make_world().people[E])
    for path in ("jobs", "readings", "fine-tune-runs", "ingests"):
        assert client.get(f"/api/v1/{path}/{uuid.uuid4()}/").status_code == 404
