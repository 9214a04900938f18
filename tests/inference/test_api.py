"""The model side over HTTP: who may, what is hidden, and what a reader never learns."""

from dataclasses import replace

import pytest
from django.urls import reverse
from django.utils import timezone

from annotations.models import Job, JobKind, JobState, Project, Role
from inference.models import AcquisitionBatch, FineTuneRun, LabelSnapshot, ModelVersion, Prediction, Stage
from inference.services.finetuning import start_run
from inference.services.registry import promote, read_shipped
from inference.services.selection import select_batch
from tests.factories import make_image, make_member, make_project, make_reading, make_user
from tests.inference.images import baseline, make_read_images
from tests.inference.test_registry import make_candidate
from tests.inference.test_selection import make_scored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]
PRODUCT_ROLES = [Role.READER, Role.MANAGER, Role.ML_ENGINEER]


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """The Jobs that were sent to the broker."""
    jobs: list[Job] = []
    monkeypatch.setattr("annotations.queueing.send", jobs.append)
    with django_capture_on_commit_callbacks(execute=True):
        yield jobs


@pytest.fixture
def people(project):
    """One member of each role, and a member of another project who is everything there."""
    members = {role: make_member(project, role) for role in PRODUCT_ROLES}
    return members | {"stranger": make_member(make_project(), *PRODUCT_ROLES), "nobody": None}


def make_run(project: Project) -> FineTuneRun:
    version = baseline(project)
    snapshot = LabelSnapshot.objects.create(project=project, rubric=version.rubric, sha256="0" * 64)
    job = Job.objects.create(project=project, kind=JobKind.FINE_TUNE)
    return FineTuneRun.objects.create(project=project, job=job, snapshot=snapshot, parent=version, seed=0)


def addresses(project: Project) -> dict[str, str]:
    make_scored(project, 3)
    batch, run = select_batch(project=project, size=1), make_run(project)
    slug, version = {"slug": project.slug}, make_candidate(project)
    return {
        "prescorings": reverse("prescorings", kwargs=slug),
        "batches": reverse("acquisition-batch-list", kwargs=slug),
        "batch": reverse("acquisition-batch-detail", kwargs={"pk": batch.pk}),
        "predictions": reverse("prediction-list", kwargs=slug),
        "versions": reverse("model-version-list", kwargs=slug),
        "promote": reverse("model-version-promote", kwargs={"pk": version.pk}),
        "roll-back": reverse("model-version-roll-back", kwargs=slug),
        "runs": reverse("fine-tune-run-list", kwargs=slug),
        "run": reverse("fine-tune-run-detail", kwargs={"pk": run.pk}),
        "cancel": reverse("fine-tune-run-cancel", kwargs={"pk": run.pk}),
    }


# Whether the request is let through (whatever the domain says to it then: 200, 201, 400 or 409), or 403, or 404.
MATRIX = [
    # verb, address, reader, manager, ml_engineer
    ("post", "prescorings", 403, "through", "through"),
    ("get", "batches", 403, "through", "through"),
    ("post", "batches", 403, "through", "through"),
    ("get", "batch", 404, "through", "through"),
    ("get", "predictions", "through", "through", "through"),
    ("get", "versions", 403, "through", "through"),
    ("post", "promote", 404, 403, "through"),
    ("post", "roll-back", 403, 403, "through"),
    ("get", "runs", 403, "through", "through"),
    ("post", "runs", 403, 403, "through"),
    ("get", "run", 404, "through", "through"),
    ("post", "cancel", 404, 403, "through"),
]


@pytest.mark.parametrize(("verb", "address", "reader", "manager", "ml_engineer"), MATRIX)
def test_who_may(api, people, project, sent, verb, address, reader, manager, ml_engineer):
    url = addresses(project)[address]
    expected = {
        Role.READER: reader,
        Role.MANAGER: manager,
        "stranger": 404,
        "nobody": 401,
        Role.ML_ENGINEER: ml_engineer,
    }
    for who, outcome in expected.items():
        answer = getattr(api(people[who]), verb)(url, {}, format="json")
        through = answer.status_code in (200, 201, 400, 409)
        assert through if outcome == "through" else answer.status_code == outcome, (who, answer.status_code)


def test_a_prescoring_is_started_and_sent_off(api, people, project, sent):
    answer = api(people[Role.MANAGER]).post(reverse("prescorings", kwargs={"slug": project.slug}))
    assert answer.status_code == 201
    assert answer.json()["kind"] == JobKind.PRESCORE
    assert Job.objects.get().created_by == people[Role.MANAGER]
    again = api(people[Role.MANAGER]).post(reverse("prescorings", kwargs={"slug": project.slug}))
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "job_already_active")


def test_a_batch_is_selected(api, people, project):
    make_scored(project, 10)
    url = reverse("acquisition-batch-list", kwargs={"slug": project.slug})
    answer = api(people[Role.ML_ENGINEER]).post(url, {"size": 4, "seed": 7, "random_share": 0.5}, format="json")
    assert answer.status_code == 201
    assert (answer.json()["image_count"], answer.json()["seed"]) == (4, 7)
    detail = api(people[Role.ML_ENGINEER]).get(reverse("acquisition-batch-detail", args=[answer.json()["id"]])).json()
    assert len(detail["items"]) == 4
    wrong = api(people[Role.ML_ENGINEER]).post(url, {"size": 0}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["attr"]) == (400, "size")


def test_a_reader_is_told_no_prediction(api, people, project):
    make_scored(project, 3)
    url = reverse("prediction-list", kwargs={"slug": project.slug})
    assert api(people[Role.READER]).get(url).json()["count"] == 0
    assert api(people[Role.MANAGER]).get(url).json()["count"] == 3
    image = Prediction.objects.first().image
    assert api(people[Role.MANAGER]).get(url, {"image": image.pk}).json()["count"] == 1


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ML_ENGINEER])
def test_who_reads_as_well_is_blind_until_they_have_submitted(api, project, role):
    make_scored(project, 3)
    both = make_member(project, Role.READER, role)
    url = reverse("prediction-list", kwargs={"slug": project.slug})
    assert api(both).get(url).json()["count"] == 0
    image = Prediction.objects.first().image
    make_reading(project, image, both, now=timezone.now())
    assert [row["image"] for row in api(both).get(url).json()["results"]] == [image.pk]


def test_who_reads_as_well_learns_nothing_from_batches_and_runs(api, project):
    make_scored(project, 5)
    both = make_member(project, Role.READER, Role.ML_ENGINEER)
    listed = reverse("acquisition-batch-list", kwargs={"slug": project.slug})
    created = api(both).post(listed, {"size": 3}, format="json")
    assert created.status_code == 201
    assert "items" not in created.json()
    assert api(both).get(listed).json()["count"] == 0
    batch = AcquisitionBatch.objects.get()
    assert api(both).get(reverse("acquisition-batch-detail", args=[batch.pk])).status_code == 404
    run = make_run(project)
    assert api(both).get(reverse("fine-tune-run-detail", args=[run.pk])).status_code == 404
    assert api(both).get(reverse("fine-tune-run-list", kwargs={"slug": project.slug})).json()["count"] == 0


def test_no_prediction_of_another_projects_model_is_seen(api, project):
    other = make_project()
    make_scored(other, 3)
    manager = make_member(project, Role.MANAGER)
    url = reverse("prediction-list", kwargs={"slug": project.slug})
    assert api(manager).get(url).json()["count"] == 0
    image = Prediction.objects.first().image
    assert api(manager).get(url, {"image": image.pk}).json()["count"] == 0


def test_a_candidate_is_promoted_and_rolled_back(api, people, project):
    engineer = api(people[Role.ML_ENGINEER])
    candidate = make_candidate(project)
    promoted = engineer.post(reverse("model-version-promote", args=[candidate.pk]))
    assert (promoted.status_code, promoted.json()["stage"]) == (200, Stage.PRODUCTION)
    assert promoted.json()["promoted_by"] == people[Role.ML_ENGINEER].username
    back = engineer.post(reverse("model-version-roll-back", kwargs={"slug": project.slug}))
    assert (back.status_code, back.json()["number"]) == (200, 1)
    nowhere = engineer.post(reverse("model-version-roll-back", kwargs={"slug": project.slug}))
    assert (nowhere.status_code, nowhere.json()["errors"][0]["code"]) == (409, "nothing_to_roll_back_to")


def test_a_failed_gate_is_said_with_its_reason(api, people, project):
    candidate = make_candidate(project, passes=False)
    answer = api(people[Role.ML_ENGINEER]).post(reverse("model-version-promote", args=[candidate.pk]))
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "gate_failed"
    assert "larger than production's" in answer.json()["errors"][0]["detail"]


def test_versions_are_listed_without_the_points_of_their_report(api, people, project):
    candidate = make_candidate(project)
    ModelVersion.objects.filter(pk=candidate.pk).update(
        report={"gate": {"passed": True}, "criteria": {"overall": {"scatter": [{"consensus": 1.0}]}}}
    )
    promote(version=candidate, by=None, now=timezone.now())
    answer = api(people[Role.MANAGER]).get(reverse("model-version-list", kwargs={"slug": project.slug}))
    assert [row["number"] for row in answer.json()["results"]] == [2, 1]
    assert "scatter" not in answer.content.decode()


def test_a_run_is_started_sent_off_shown_and_cancelled(api, people, project, sent):
    make_read_images(project, people[Role.READER])
    baseline(project)
    engineer = api(people[Role.ML_ENGINEER])
    url = reverse("fine-tune-run-list", kwargs={"slug": project.slug})
    started = engineer.post(url, {"seed": 3, "config": {"epochs": 10}}, format="json")
    assert started.status_code == 201
    run = FineTuneRun.objects.get()
    assert (run.seed, run.config) == (3, {"epochs": 10})
    shown = engineer.get(reverse("fine-tune-run-detail", args=[run.pk])).json()
    assert (shown["job"]["state"], shown["report"], shown["loss_history"]) == (JobState.QUEUED, {}, [])
    assert engineer.post(url, {}, format="json").json()["errors"][0]["code"] == "job_already_active"
    cancelled = engineer.post(reverse("fine-tune-run-cancel", args=[run.pk]))
    assert (cancelled.status_code, cancelled.json()["job"]["state"]) == (200, JobState.CANCELLED)


def test_a_run_from_the_installed_model_is_offered_where_production_stands_on_another(
    api, people, project, client, sent
):
    make_read_images(project, people[Role.READER])
    earlier, engineer = baseline(project), people[Role.ML_ENGINEER]
    url = reverse("fine-tune-run-list", kwargs={"slug": project.slug})
    refused = api(engineer).post(url, {"start": "shipped"}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "no_other_model")
    client.force_login(engineer)
    page = reverse("models", kwargs={"slug": project.slug})
    assert "Fine-tune from the installed model" not in client.get(page).content.decode()
    ModelVersion.objects.filter(pk=earlier.pk).update(features_version="0" * 64)  # of an earlier installation
    assert "Fine-tune from the installed model" in client.get(page).content.decode()
    client.post(reverse("start-run", kwargs={"slug": project.slug}), {"start": "shipped"})
    run = FineTuneRun.objects.get()
    assert (run.start.number, run.start.parent, run.parent) == (2, None, earlier)
    shown = client.get(page).content.decode()
    assert "pre-trained, to start from" in shown
    assert origins(shown) == ["the installation", "the installation"]
    shown = client.get(reverse("run", kwargs={"slug": project.slug, "pk": run.pk})).content.decode()
    assert "On the encoder of version 2" in shown
    assert api(engineer).get(reverse("fine-tune-run-detail", args=[run.pk])).json()["start_number"] == 2
    client.force_login(people[Role.MANAGER])
    assert "Fine-tune from the installed model" not in client.get(page).content.decode()


def origins(page: str) -> list[str]:
    """What stands under "From" of each version, the newest first."""
    rows = page.partition("<h2>Versions</h2>")[2].partition("</tbody>")[0].split("<tr>")[2:]
    return [row.split("<td>")[3].partition("</td>")[0] for row in rows]


def test_a_model_from_a_file_is_not_said_to_be_the_installations(people, project, client):
    make_read_images(project, people[Role.READER])
    first = baseline(project)
    ModelVersion.objects.filter(pk=first.pk).update(features_version="0" * 64)
    own = replace(read_shipped(), is_shipped=False)  # as if one had written it oneself
    start_run(project=project, by=None, start=own)
    client.force_login(people[Role.ML_ENGINEER])
    page = reverse("models", kwargs={"slug": project.slug})
    assert origins(client.get(page).content.decode()) == ["a file", "the installation"]


def test_a_run_that_cannot_begin_is_refused_with_a_sentence(api, people, project):
    baseline(project)
    url = reverse("fine-tune-run-list", kwargs={"slug": project.slug})
    answer = api(people[Role.ML_ENGINEER]).post(url, {}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "too_few_scores")
    wrong = api(people[Role.ML_ENGINEER]).post(url, {"config": {"epochs": 0}}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "bad_run_config")


def test_a_superuser_who_is_no_member_finds_nothing(api, project):
    make_image(project)
    chief = make_user(is_superuser=True, is_staff=True)
    assert api(chief).get(reverse("model-version-list", kwargs={"slug": project.slug})).status_code == 404
