"""Pre-scoring: everything that can be scored is scored once, and the rest says why not."""

from datetime import timedelta

import numpy as np
import pytest
import torch
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from annotations.errors import JobAlreadyActive, JobCancelled, NoRubric
from annotations.models import Job, JobKind, JobState, Project, ProjectImage
from annotations.services.jobs import cancel_job
from inference.engine import engine_for
from inference.errors import CheckpointMissing
from inference.models import Embedding, ModelVersion, Prediction, ScoringRefusal, Stage
from inference.services.registry import ensure_baseline
from inference.services.scoring import projects_to_prescore, score_pending, start_prescoring
from inference.tasks import score_images
from tests.factories import make_image, make_project, make_user
from tests.inference.images import Reports, baseline, lapse_lease, make_stored_image, prescore, store_frame

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


@pytest.fixture
def project() -> Project:
    return make_project(criteria=("overall", "noise"))


def test_every_image_gets_a_prediction_on_every_criterion(project):
    images = [make_stored_image(project, seed=1), make_stored_image(project, seed=2, slices=9)]
    assert prescore(project)["scored"] == 2
    for image in images:
        prediction = Prediction.objects.get(image=image)
        assert {score.criterion.key for score in prediction.criteria.all()} == {"overall", "noise"}
        assert all(0 <= score.lower <= score.quality <= score.upper <= 4 for score in prediction.criteria.all())
        assert all(score.is_prior for score in prediction.criteria.all())
        assert sum(prediction.slice_weights) == pytest.approx(1, abs=1e-5)
        assert len(prediction.slice_weights) == len(prediction.slice_indices)
        assert [one["slice"] for one in prediction.patch_weights] == prediction.slice_indices
        assert (
            max(w for one in prediction.patch_weights for t in one["tiles"] for row in t["weights"] for w in row) == 1
        )
    volume = Prediction.objects.get(image=images[1])
    assert volume.prompt["dimension"] == "3D"
    assert volume.prompt["modality"] == "CT"
    assert volume.prompt_provenance["modality"] == "dicom"
    assert set(volume.slice_indices) < set(range(9))


def test_what_the_classifier_found_stands_in_the_prediction_with_its_probability(project, monkeypatch):
    """Whatever is unknown here is said to be word 1 of its factor, "head" for the region, with 0.95."""

    def classified(network, tokens, codes):
        return torch.where(codes > 0, codes, 1), torch.where(codes > 0, 1.0, 0.95)

    monkeypatch.setattr("inference.mediqa.predictor.classify", classified)
    image = make_stored_image(project)
    prescore(project)
    prediction = Prediction.objects.get(image=image)
    assert (prediction.prompt["region"], prediction.prompt_provenance["region"]) == ("head", "classifier")
    assert prediction.prompt_confidence["region"] == pytest.approx(0.95)
    assert (prediction.prompt_provenance["modality"], prediction.prompt_confidence["modality"]) == ("dicom", 1.0)


def test_what_cannot_be_scored_says_why_and_the_rest_goes_on(project):
    good = make_stored_image(project)
    constant, missing, garbled, empty = (make_stored_image(project, seed=s) for s in range(4))
    store_frame(constant, 0, np.full((64, 64), 7, dtype=np.uint16))
    default_storage.delete(missing.slices.get().instance.frame_name(1))
    name = garbled.slices.get().instance.frame_name(1)
    default_storage.delete(name)
    default_storage.save(name, ContentFile(b"no codestream"))
    empty.slices.all().delete()
    result = prescore(project)
    assert (result["scored"], result["refused"]) == (1, 4)
    assert Prediction.objects.get().image == good
    reasons = dict(ScoringRefusal.objects.values_list("image_id", "reason"))
    assert reasons == {
        constant.pk: "constant",
        missing.pk: "frame_missing",
        garbled.pk: "undecodable",
        empty.pk: "empty",
    }
    assert not Prediction.objects.pending_images(baseline(project)).exists()


def test_scoring_twice_equals_scoring_once(project):
    make_stored_image(project)
    prescore(project)
    before = list(Prediction.objects.values())
    assert prescore(project)["scored"] == 0
    assert list(Prediction.objects.values()) == before


def test_a_new_version_scores_from_cached_features_without_pixels(project):
    image = make_stored_image(project)
    prescore(project)
    old = ModelVersion.objects.get(project=project)
    old.stage = Stage.RETIRED
    old.save()
    default_storage.delete(image.slices.get().instance.frame_name(1))
    ensure_baseline(project=project, now=timezone.now())
    assert prescore(project)["from_cache"] == 1
    assert list(Prediction.objects.values_list("model_version__number", flat=True).order_by("pk")) == [1, 2]
    first, second = (p.criteria.get(criterion__key="overall").quality for p in Prediction.objects.order_by("pk"))
    assert first == pytest.approx(second)


def test_cached_features_that_cannot_be_read_are_made_again(project):
    image = make_stored_image(project)
    prescore(project)
    embedding = Embedding.objects.get(image=image)
    default_storage.delete(embedding.features_name)
    Prediction.objects.all().delete()
    assert prescore(project)["from_cache"] == 0
    embedding.refresh_from_db()
    assert default_storage.exists(embedding.features_name)


def test_two_projects_share_the_features_of_a_common_image(project):
    image = make_stored_image(project)
    other = make_project()
    ProjectImage.objects.create(project=other, image=image)
    prescore(project)
    assert prescore(other)["from_cache"] == 1
    assert Prediction.objects.filter(image=image).count() == 2


def test_cancelling_keeps_what_was_scored(project):
    for seed in range(20):
        make_stored_image(project, seed=seed)
    with pytest.raises(JobCancelled):
        score_pending(
            project=project,
            load=engine_for,
            reporter=Reports(raises=JobCancelled(), at=3),  # loading, begin, first batch, second batch
            now=timezone.now(),
        )
    assert Prediction.objects.count() == engine_for(baseline(project)).batch_size
    assert Prediction.objects.pending_images(baseline(project)).count() == 20 - Prediction.objects.count()


def test_progress_counts_what_was_there_before(project):
    make_stored_image(project)
    prescore(project)
    make_stored_image(project, seed=1)
    reports = Reports()
    score_pending(project=project, load=engine_for, reporter=reports, now=timezone.now())
    assert reports.seen[0][:2] == (1, 2)
    assert reports.seen[-1][:2] == (2, 2)


def test_image_that_breaks_the_network_is_refused_and_the_rest_of_its_batch_is_scored(project, monkeypatch):
    good = [make_stored_image(project, seed=seed) for seed in range(3)]
    poison = make_stored_image(project, seed=9, slices=9)
    engine = type(engine_for(baseline(project)))
    encode = engine.encode

    def breaking(self, images):
        if any(len(image.slice_indices) > 1 for image in images):
            raise RuntimeError("out of memory")
        return encode(self, images)

    monkeypatch.setattr(engine, "encode", breaking)
    assert prescore(project)["scored"] == 3
    assert set(Prediction.objects.values_list("image", flat=True)) == {image.pk for image in good}
    assert ScoringRefusal.objects.get().image == poison
    assert not Prediction.objects.pending_images(baseline(project)).exists()


class Killed(BaseException):
    """The end of a process: no `except Exception` sees it."""


@pytest.mark.parametrize("place", ["prepare", "encode", "score"])
def test_a_worker_that_dies_loses_and_doubles_nothing(project, monkeypatch, place):
    images = [make_stored_image(project, seed=seed) for seed in range(20)]
    job = start_prescoring(project=project, by=None, now=timezone.now())
    engine = engine_for(baseline(project))
    calls = []
    original = getattr(type(engine), place)

    def dying(self, *args):
        calls.append(args)
        if len(calls) == (10 if place == "prepare" else 2):
            raise Killed
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(type(engine), place, dying)
        with pytest.raises(Killed):
            score_images(str(job.pk))
    before = set(Prediction.objects.values_list("pk", flat=True))
    assert len(before) < 20
    score_images(str(job.pk))  # the broker delivers again while the lease still runs: nothing happens
    assert Prediction.objects.count() == len(before)
    lapse_lease(job)
    score_images(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert sorted(Prediction.objects.values_list("image_id", flat=True)) == [image.pk for image in images]
    assert before <= set(Prediction.objects.values_list("pk", flat=True))
    assert Embedding.objects.count() == 20


def test_scoring_stops_when_another_version_is_promoted_meanwhile(project):
    for seed in range(20):
        make_stored_image(project, seed=seed)
    version = baseline(project)

    class Promotes(Reports):
        def report(self, **kwargs) -> None:
            super().report(**kwargs)
            if len(self.seen) == 3:
                ModelVersion.objects.filter(pk=version.pk).update(stage=Stage.RETIRED)

    summary = score_pending(project=project, load=engine_for, reporter=Promotes(), now=timezone.now())
    assert summary.scored == engine_for(version).batch_size


def test_a_project_without_rubric_is_refused():
    project = Project.objects.create(slug="bare", name="Bare")
    with pytest.raises(NoRubric):
        start_prescoring(project=project, by=None, now=timezone.now())


def test_a_missing_checkpoint_fails_the_job_with_a_sentence(project):
    make_stored_image(project)
    version = baseline(project)
    job = start_prescoring(project=project, by=None, now=timezone.now())
    default_storage.delete(version.weights_name)
    version_cache_clear()
    score_images(str(job.pk))
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "checkpoint of model version 1 is not in storage" in job.message


def test_an_altered_checkpoint_is_refused(project):
    version = baseline(project)
    default_storage.delete(version.weights_name)
    default_storage.save(version.weights_name, ContentFile(b"other weights"))
    version_cache_clear()
    with pytest.raises(CheckpointMissing, match="cannot be used"):
        engine_for(version)


def version_cache_clear() -> None:
    from inference import engine

    engine._load.cache_clear()


def test_what_a_lost_frame_kept_from_scoring_is_scored_when_it_is_back_and_a_person_asks(project):
    image = make_stored_image(project)
    frame = image.slices.get().instance.frame_name(1)
    content = default_storage.open(frame).read()
    default_storage.delete(frame)
    assert prescore(project)["refused"] == 1
    default_storage.save(frame, ContentFile(content))
    finish_jobs(project)
    start_prescoring(project=project, by=None, now=timezone.now())
    assert ScoringRefusal.objects.count() == 1, "a sweep asks for no second try"
    finish_jobs(project)
    start_prescoring(project=project, by=make_user(), now=timezone.now())
    finish_jobs(project)
    assert prescore(project)["scored"] == 1
    assert not ScoringRefusal.objects.exists()


def finish_jobs(project) -> None:
    Job.objects.filter(project=project).update(state=JobState.SUCCEEDED, finished_at=timezone.now())


def test_one_prescoring_of_a_project_at_a_time(project):
    start_prescoring(project=project, by=None, now=timezone.now())
    with pytest.raises(JobAlreadyActive):
        start_prescoring(project=project, by=None, now=timezone.now())


# -- the sweep --
def test_the_sweep_finds_projects_with_pending_images_only(project):
    make_project()  # without an Image
    now = timezone.now()
    assert projects_to_prescore(now=now) == []
    make_image(project)
    assert projects_to_prescore(now=now) == [project]
    start_prescoring(project=project, by=None, now=now)
    assert projects_to_prescore(now=now) == []


def test_the_sweep_has_nothing_to_do_when_all_is_scored_or_refused(project):
    make_stored_image(project)
    make_image(project)  # without stored frames: refused
    prescore(project)
    assert projects_to_prescore(now=timezone.now()) == []


def test_the_sweep_does_not_restart_what_a_person_cancelled_until_there_is_something_new(project):
    make_image(project)
    job = start_prescoring(project=project, by=None, now=timezone.now())
    cancel_job(job=job, now=timezone.now())
    assert projects_to_prescore(now=timezone.now()) == []
    make_image(project)
    assert projects_to_prescore(now=timezone.now()) == [project]


def test_the_sweep_waits_before_it_tries_again_what_failed(project):
    make_image(project)
    now = timezone.now()
    Job.objects.create(project=project, kind=JobKind.PRESCORE, state=JobState.FAILED, finished_at=now)
    assert projects_to_prescore(now=now + timedelta(minutes=1)) == []
    assert projects_to_prescore(now=now + timedelta(minutes=6)) == [project]
