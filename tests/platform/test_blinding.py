"""Blinding as a security property: before submission a reader reaches no Prediction and no other reader's Score.

A canary stands in every place that holds one; then each route that answers to GET, and those that lease and list by
POST, is asked, and the whole answer is searched.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import (
    Assignment,
    Image,
    Job,
    JobKind,
    Membership,
    Project,
    Purpose,
    Reading,
    Role,
    User,
)
from annotations.services.anchor_images import set_anchor_image
from annotations.services.readings import submit_reading
from inference.models import (
    AcquisitionBatch,
    AcquisitionItem,
    CriterionPrediction,
    FineTuneRun,
    LabelSnapshot,
    LabelSnapshotEntry,
    ModelVersion,
    Partition,
    Prediction,
    ScoringRefusal,
    Stage,
    Strategy,
)
from inference.services.registry import ensure_baseline
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_submission

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bundle")]

CANARIES = ("2.718281", "0.577215", "1.618033", "CANARY")
TELL_TALES = ("priority", "purpose", "cold_start", "uncertain", "acquisition", "epistemic", "is_prior")


@dataclass
class Scene:
    """An Image that a colleague has read and the model has scored; the reader has it before them."""

    project: Project
    reader: User
    colleague: User
    image: Image
    assignment: Assignment


@pytest.fixture
def scene() -> Scene:
    project = make_project(overlap=2)
    reader, colleague = (make_member(project, Role.READER, username=name) for name in ("rosa", "karl"))
    image = make_image(project)
    places = [make_assignment(project, image, slot=slot, purpose=Purpose.UNCERTAIN) for slot in (1, 2)]
    for place, person in zip(places, (colleague, reader), strict=True):
        place.reader, place.leased_at, place.lease_expires_at = person, timezone.now(), timezone.now()
        place.save()
    submission = make_submission(project, comment="CANARY")
    submit_reading(assignment=places[0], reader=colleague, submission=submission, now=timezone.now())
    plant_model_canaries(project, image)
    return Scene(project, reader, colleague, image, places[1])


def plant_model_canaries(project: Project, image: Image) -> None:
    rubric = project.rubrics.get()
    version = ModelVersion.objects.create(
        project=project, rubric=rubric, number=1, stage=Stage.PRODUCTION, report={"CANARY": 1}, **CHECKPOINT
    )
    prediction = Prediction.objects.create(
        project=project,
        image=image,
        model_version=version,
        prompt={"modality": "CANARY"},
        prompt_provenance={},
        slice_indices=[0],
        slice_weights=[1.0],
        ood_distance=1.618033,
    )
    CriterionPrediction.objects.create(
        prediction=prediction,
        criterion=rubric.criteria.get(),
        quality=2.718281,
        epistemic_std=0.577215,
        aleatoric_std=0.577215,
        lower=0.577215,
        upper=2.718281,
        is_prior=True,
    )
    ScoringRefusal.objects.create(project=project, image=image, model_version=version, reason="CANARY", detail="CANARY")
    batch = AcquisitionBatch.objects.create(
        project=project, model_version=version, strategy=Strategy.RANDOM, seed=1, size=1, random_share=1, pool_size=1
    )
    AcquisitionItem.objects.create(
        batch=batch, image=image, rank=0, purpose=Purpose.UNCERTAIN, reason={"CANARY": 2.718281}
    )
    snapshot = LabelSnapshot.objects.create(project=project, rubric=rubric, sha256="CANARY")
    LabelSnapshotEntry.objects.create(
        snapshot=snapshot,
        image=image,
        criterion=rubric.criteria.get(),
        partition=Partition.TEST,
        consensus=2.718281,
        reader_count=1,
    )
    job = Job.objects.create(project=project, kind=JobKind.FINE_TUNE)
    FineTuneRun.objects.create(
        project=project, job=job, snapshot=snapshot, parent=version, seed=0, report={"gate": {"reason": "CANARY"}}
    )


CHECKPOINT = {
    "weights_name": "CANARY/weights",
    "document_name": "CANARY/document",
    "sha256": "0" * 64,
    "features_version": "0" * 64,
}


def routes(scene: Scene) -> list[tuple[str, str]]:
    """Every address that says something about the Project, its Images or its people."""
    slug, image = scene.project.slug, scene.image
    study, series = image.series.study.study_instance_uid, image.series.series_instance_uid
    instance = image.slices.get().instance.sop_instance_uid
    reading = Reading.objects.get(reader=scene.colleague)
    version, run = ModelVersion.objects.get(), FineTuneRun.objects.get()
    batch = AcquisitionBatch.objects.get()
    web = f"/dicomweb/studies/{study}"
    get = [
        *("/", f"/projects/{slug}/", f"/projects/{slug}/read/", f"/projects/{slug}/scoring/"),
        *(f"/projects/{slug}/models/", f"/projects/{slug}/runs/{run.pk}/", f"/projects/{slug}/upload/"),
        *(f"/projects/{slug}/anchor-images/", f"/projects/{slug}/anchor-images/overall/3/"),
        *(f"/api/v1/projects/{slug}/bookmarks/", "/api/v1/preferences/", f"/readings/{reading.pk}/display/"),
        *("/api/v1/projects/", f"/api/v1/projects/{slug}/", f"/api/v1/projects/{slug}/progress/"),
        *(f"/api/v1/projects/{slug}/images/", f"/api/v1/projects/{slug}/images/?ordering=-priority"),
        *(f"/projects/{slug}/predictions/", f"/projects/{slug}/predictions/{Prediction.objects.get().pk}/"),
        *(f"/api/v1/projects/{slug}/predictions/", f"/api/v1/projects/{slug}/predictions/?image={image.pk}"),
        *("/api/v1/readings/", f"/api/v1/readings/?image={image.pk}", f"/api/v1/readings/{reading.pk}/"),
        *(f"/api/v1/projects/{slug}/model-versions/", f"/api/v1/projects/{slug}/fine-tune-runs/"),
        *(f"/api/v1/fine-tune-runs/{run.pk}/", f"/api/v1/jobs/{run.job_id}/"),
        *(f"/api/v1/projects/{slug}/acquisition-batches/", f"/api/v1/acquisition-batches/{batch.pk}/"),
        *("/dicomweb/studies", "/dicomweb/series", "/dicomweb/instances"),
        *(f"{web}/metadata", f"{web}/series", f"{web}/series/{series}/instances", f"{web}/series/{series}/metadata"),
        f"{web}/series/{series}/instances/{instance}/metadata",
        *("/admin/", "/admin/inference/prediction/", "/admin/annotations/reading/", "/admin/annotations/assignment/"),
    ]
    post = [
        f"/api/v1/projects/{slug}/worklist/undo/",
        *(f"/api/v1/projects/{slug}/worklist/", f"/api/v1/assignments/{scene.assignment.pk}/lease/"),
        *(f"/api/v1/model-versions/{version.pk}/promote/", f"/api/v1/projects/{slug}/fine-tune-runs/"),
        *(f"/api/v1/readings/{reading.pk}/corrections/", f"/projects/{slug}/select/"),
    ]
    return [("get", path) for path in get] + [("post", path) for path in post]


def leaks(user: User, scene: Scene, words: tuple[str, ...]) -> list[tuple[str, str, str]]:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    found = []
    for verb, path in routes(scene):
        response: Any = getattr(client, verb)(path)
        assert response.status_code < 500, (verb, path)
        content = b"".join(response.streaming_content) if response.streaming else response.content
        found += [(verb, path, word) for word in words if word in content.decode("utf-8", "replace")]
    return found


def test_canaries_are_where_the_routes_lead(scene: Scene) -> None:
    """The check can fail: who may see everything finds a canary on many of these routes."""
    manager = make_member(scene.project, Role.MANAGER, Role.ML_ENGINEER)
    assert len({path for _, path, _ in leaks(manager, scene, CANARIES)}) >= 6


def test_reader_reaches_no_prediction_and_no_other_score_before_submission(scene: Scene) -> None:
    assert leaks(scene.reader, scene, CANARIES) == []


def test_reader_is_never_told_why_a_case_was_chosen(scene: Scene) -> None:
    assert leaks(scene.reader, scene, TELL_TALES) == []


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ML_ENGINEER])
def test_reader_with_a_second_role_stays_blind_until_submission(scene: Scene, role: Role) -> None:
    Membership.objects.create(project=scene.project, user=scene.reader, role=role)
    client = Client()
    client.force_login(scene.reader)
    predictions = f"/api/v1/projects/{scene.project.slug}/predictions/"
    assert leaks(scene.reader, scene, CANARIES) == []
    assert client.get(predictions).json()["results"] == []
    submit_reading(
        assignment=scene.assignment,
        reader=scene.reader,
        submission=make_submission(scene.project),
        now=timezone.now(),
    )
    assert len(client.get(predictions).json()["results"]) == 1
    assert len(client.get("/api/v1/readings/").json()["results"]) == 2


def test_administrator_who_reads_stays_blind_in_the_administration(scene: Scene) -> None:
    User.objects.filter(pk=scene.reader.pk).update(is_staff=True, is_superuser=True)
    rows = ["annotations/reading", "annotations/assignment", "inference/prediction", "inference/acquisitionbatch"]
    client = Client()
    client.force_login(User.objects.get(pk=scene.reader.pk))
    for path in [*rows, "annotations/score", "inference/scoringrefusal", "inference/finetunerun"]:
        page = client.get(f"/admin/{path}/")
        assert page.status_code == 200
        assert page.context["cl"].queryset.count() == 0, path
    prediction = Prediction.objects.get()
    assert client.get(f"/admin/inference/prediction/{prediction.pk}/change/").status_code == 302


def test_reader_of_an_image_sees_no_prediction_of_it_in_a_project_they_manage(scene: Scene) -> None:
    other = make_project()
    Membership.objects.create(project=other, user=scene.reader, role=Role.ML_ENGINEER)
    Prediction.objects.update(project=other)
    assert not Prediction.objects.visible_to(scene.reader).exists()


def test_reader_without_a_second_role_sees_own_readings_only_ever(scene: Scene) -> None:
    submit_reading(
        assignment=scene.assignment,
        reader=scene.reader,
        submission=make_submission(scene.project),
        now=timezone.now(),
    )
    assert leaks(scene.reader, scene, CANARIES) == []
    assert list(Reading.objects.visible_to(scene.reader)) == [Reading.objects.get(reader=scene.reader)]
    assert not Prediction.objects.visible_to(scene.reader).exists()


def test_reading_in_one_project_unblinds_nothing_in_another(scene: Scene) -> None:
    """The same Image in a second Project, where the reader also trains models and has submitted it."""
    other = make_project()
    for role in (Role.READER, Role.ML_ENGINEER):
        Membership.objects.create(project=other, user=scene.reader, role=role)
    place = make_assignment(other, scene.image)
    place.reader, place.leased_at = scene.reader, timezone.now()
    place.save()
    submit_reading(assignment=place, reader=scene.reader, submission=make_submission(other), now=timezone.now())
    assert leaks(scene.reader, scene, CANARIES) == []


def test_case_carries_nothing_but_the_image_and_the_rubric(scene: Scene) -> None:
    client = Client()
    client.force_login(scene.reader)
    answer = client.post(f"/api/v1/projects/{scene.project.slug}/worklist/").json()
    (case,) = answer["cases"]
    assert set(answer) == {"cases", "open_count", "done_count"}
    assert set(case) == {"assignment", "lease_expires_at", "image", "instances", "rubric", "prior", "hanging"}


def test_anchor_image_tells_its_level_and_nothing_that_was_predicted_of_it(scene: Scene) -> None:
    """Its Prediction carries the canaries; the level is the manager's."""
    anchor_image = make_image(scene.project)
    criterion = scene.project.rubrics.get().criteria.get()
    anchor = set_anchor_image(criterion=criterion, value=3, image_id=anchor_image.pk, now=timezone.now())
    Prediction.objects.update(image=anchor_image)
    client = Client()
    client.force_login(scene.reader)
    answer = client.get(f"/api/v1/anchor-images/{anchor.pk}/")
    assert answer.status_code == 200
    assert [word for word in (*CANARIES, *TELL_TALES) if word in answer.content.decode()] == []
    assert leaks(scene.reader, scene, CANARIES) == []
    assert not Prediction.objects.visible_to(scene.reader).exists()


def test_prior_carries_nothing_that_was_said_of_it(scene: Scene) -> None:
    """The reader has read it; others' Scores and its Prediction hold the canaries."""
    Project.objects.update(is_prior_shown=True)
    submit_reading(
        assignment=scene.assignment, reader=scene.reader, submission=make_submission(scene.project), now=timezone.now()
    )
    patient = scene.image.series.study.patient_key
    type(scene.image.series.study).objects.update(study_date=date(2020, 1, 1))
    later = make_assignment(scene.project, make_image(scene.project, patient_key=patient, study_date=date(2021, 1, 1)))
    client = Client()
    client.force_login(scene.reader)
    (case,) = client.post(f"/api/v1/projects/{scene.project.slug}/worklist/").json()["cases"]
    assert set(case["prior"]) == {"image", "url", "date"}
    answer = client.get(f"/api/v1/assignments/{later.pk}/prior/")
    assert set(answer.json()) == {"image", "instances"}
    assert [word for word in (*CANARIES, *TELL_TALES) if word in answer.content.decode()] == []
    assert leaks(scene.reader, scene, CANARIES) == []


def test_refused_fine_tuning_tells_a_reader_no_score_of_others(objects: Path) -> None:
    """All others gave the same score; the refusal must not say which, however the run is asked for."""
    project = make_project()
    project.rubrics.get().criteria.update(minimum=0, maximum=100, step=0.5)
    reader, colleague = make_member(project, Role.READER, Role.ML_ENGINEER), make_member(project, Role.READER)
    ensure_baseline(project=project, now=timezone.now())
    for _ in range(24):  # enough for every part of the split
        make_reading(project, make_image(project), colleague, {"overall": 86.5})
    client = Client()
    client.force_login(reader)
    answer = client.post(f"/api/v1/projects/{project.slug}/fine-tune-runs/", {}, "application/json")
    page = client.post(f"/projects/{project.slug}/runs/", follow=True)
    assert answer.status_code == 409
    assert page.redirect_chain, "the refusal is a message on the models page"
    assert "86.5" not in answer.content.decode() + page.content.decode()
