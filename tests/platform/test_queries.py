"""Lists cost the same number of queries, however many rows they show."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotations.models import Job, JobKind, JobState, Project, Purpose, Role, User
from inference.models import (
    AcquisitionBatch,
    AcquisitionItem,
    FineTuneRun,
    LabelSnapshot,
    ModelVersion,
    Stage,
    Strategy,
)
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_user

pytestmark = pytest.mark.django_db

VERDICT = {"passed": True, "reason": "It is better."}
HEAVY = {"loss_history": [["fit", 1, 0.123456789]], "report": {"gate": VERDICT, "scatter": "0.987654321"}}


def join(user: User, *roles: Role) -> Project:
    """One more Project of the user's, with an Image to read and one that they have read."""
    project = make_project()
    for role in roles:
        project.memberships.create(user=user, role=role)
    make_assignment(project)
    if Role.READER in roles:
        make_reading(project, make_image(project), user)
    return project


def add_model_rows(project: Project) -> None:
    """One more version, the run that it came from, and a batch of two Images that it chose."""
    number = project.model_versions.count() + 1
    parent = project.model_versions.order_by("number").first()
    fields = dict.fromkeys(("weights_name", "document_name", "sha256", "features_version"), "0" * 64)
    stage = Stage.CANDIDATE if parent else Stage.PRODUCTION
    version = ModelVersion.objects.create(
        project=project,
        rubric=project.rubrics.get(),
        number=number,
        parent=parent,
        stage=stage,
        report=HEAVY["report"],
        **fields,
    )
    snapshot = LabelSnapshot.objects.create(project=project, rubric=project.rubrics.get(), sha256=f"{number:064}")
    job = Job.objects.create(
        project=project, kind=JobKind.FINE_TUNE, state=JobState.SUCCEEDED, finished_at=timezone.now()
    )
    FineTuneRun.objects.create(
        project=project, job=job, snapshot=snapshot, parent=parent or version, candidate=version, seed=0, **HEAVY
    )
    batch = AcquisitionBatch.objects.create(
        project=project, model_version=version, strategy=Strategy.RANDOM, seed=1, size=2, random_share=1, pool_size=2
    )
    for rank in range(2):
        AcquisitionItem.objects.create(
            batch=batch, image=make_image(project), rank=rank, purpose=Purpose.UNCERTAIN, reason={}
        )


def queries_of(client: Client, path: str) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200
    return len(captured), answer


@pytest.mark.parametrize("path", ["/", "/api/v1/projects/"])
def test_lists_of_projects_cost_the_same_for_many(
    path: str, browser_of: Callable[[User], Client], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    user = make_user()
    join(user, Role.READER, Role.MANAGER)
    for_one, _ = queries_of(browser_of(user), path)
    for roles in ([Role.READER], [Role.MANAGER], [Role.ML_ENGINEER, Role.READER]):
        join(user, *roles)
    client = browser_of(user)
    with django_assert_max_num_queries(for_one):
        client.get(path)


@pytest.mark.parametrize(
    "path",
    [
        "/projects/{}/models/",
        "/api/v1/projects/{}/model-versions/",
        "/api/v1/projects/{}/fine-tune-runs/",
        "/api/v1/projects/{}/acquisition-batches/",
    ],
)
def test_lists_of_the_model_side_cost_the_same_for_many(
    path: str, browser_of: Callable[[User], Client], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    project = make_project()
    manager = make_member(project, Role.MANAGER)
    add_model_rows(project)
    add_model_rows(project)  # the first that has a parent
    for_two, _ = queries_of(browser_of(manager), path.format(project.slug))
    for _ in range(3):
        add_model_rows(project)
    client = browser_of(manager)
    with django_assert_max_num_queries(for_two) as captured:
        client.get(path.format(project.slug))
    assert not [query["sql"] for query in captured if '"loss_history"' in query["sql"]]


def test_home_counts_each_project_by_itself(browser_of: Callable[[User], Client]) -> None:
    user = make_user()
    join(user, Role.READER)
    managed = join(user, Role.MANAGER)
    for _ in range(2):
        make_image(managed)
    _, page = queries_of(browser_of(user), "/")
    cards = {tuple(card["project"].roles): card for card in page.context["projects"]}
    assert cards["reader",]["counts"] == {"open_count": 1, "done_count": 1}
    assert cards["manager",]["counts"] is None
    assert {roles: card["project"].image_count for roles, card in cards.items()} == {("reader",): 2, ("manager",): 3}


def test_models_page_says_what_the_rows_say(browser_of: Callable[[User], Client]) -> None:
    project = make_project()
    manager = make_member(project, Role.MANAGER)
    add_model_rows(project)
    _, page = queries_of(browser_of(manager), f"/projects/{project.slug}/models/")
    text = page.content.decode()
    assert "It is better." in text
    assert '<td class="number">2</td>' in text
    versions = browser_of(manager).get(f"/api/v1/projects/{project.slug}/model-versions/").json()["results"]
    assert [version["is_gate_passed"] for version in versions] == [True]
    batches = browser_of(manager).get(f"/api/v1/projects/{project.slug}/acquisition-batches/").json()["results"]
    assert [batch["image_count"] for batch in batches] == [2]
