"""Intervals come from Images that were drawn at random: what a model chose is not as what it has not seen."""

import json
import math

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from django_vite.core.asset_loader import DjangoViteAssetLoader

from annotations.models import Assignment, Image, Project, Purpose, Role, User
from inference.engine import engine_for
from inference.mediqa.heads.predictions import Heads
from inference.mediqa.heads.uncertainty import conformal_quantile
from inference.models import FineTuneRun, ModelVersion, Partition, PatientPartition
from inference.services.contracts import ScoredFeatures
from inference.services.finetuning import start_run
from inference.services.intervals import interval_sample
from inference.services.material import gather_material
from inference.services.training import execute_run
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading
from tests.inference.images import Reports, baseline, make_stored_image

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]
QUICK = {"epochs": 5, "members": 2}


# -- which Images of a Criterion count --
def validation(**targets: list[float]) -> ScoredFeatures:
    count = len(next(iter(targets.values())))
    return ScoredFeatures(
        features=[],
        prompts=[],
        patients=[],
        targets={key: np.array(values) for key, values in targets.items()},
        image_ids=list(range(count)),
    )


def test_only_images_drawn_at_random_count_where_nine_of_them_have_a_score():
    sample = interval_sample(validation=validation(overall=[1.0] * 9 + [4.0] * 5), at_random=set(range(9)))
    assert np.isfinite(sample.scored.targets["overall"]).tolist() == [True] * 9 + [False] * 5
    assert sample.origins == {"overall": {"from": "random", "images": 9}}


def test_all_count_where_fewer_than_nine_were_drawn_at_random():
    sample = interval_sample(validation=validation(overall=[1.0] * 8 + [4.0] * 6), at_random=set(range(8)))
    assert np.isfinite(sample.scored.targets["overall"]).all()
    assert sample.origins == {"overall": {"from": "all", "images": 14}}


def test_each_criterion_counts_its_own_scores():
    scores = validation(overall=[1.0] * 12, noise=[math.nan] * 4 + [1.0] * 8)
    sample = interval_sample(validation=scores, at_random=set(range(11)))
    assert sample.origins == {"overall": {"from": "random", "images": 11}, "noise": {"from": "all", "images": 8}}
    assert np.isfinite(sample.scored.targets["noise"]).sum() == 8


# -- which Images were drawn at random --
@pytest.mark.parametrize(
    ("purposes", "is_random"),
    [
        ([Purpose.RANDOM], True),
        ([Purpose.RANDOM, Purpose.RANDOM], True),  # two readers of one draw
        ([Purpose.RANDOM, Purpose.UNCERTAIN], True),
        ([Purpose.RANDOM, Purpose.REPEAT], True),
        ([Purpose.UNCERTAIN, Purpose.RANDOM], False),
        ([Purpose.CALIBRATION, Purpose.RANDOM], False),
        ([Purpose.COLD_START], False),
        ([Purpose.CALIBRATION], False),
        ([Purpose.DIVERSE], False),
    ],
)
def test_an_image_counts_as_random_by_what_it_was_first_read_for(project, purposes, is_random):
    image = make_image(project)
    for slot, purpose in enumerate(purposes, start=1):
        person = make_member(project, Role.READER)
        make_assignment(project, image, purpose=purpose, slot=slot, reader=person)
    found = Assignment.objects.filter(project=project).drawn_at_random().values_list("image", flat=True)
    assert set(found) == ({image.pk} if is_random else set())


def test_what_another_project_read_an_image_for_does_not_count(project):
    image = make_image(project)
    make_assignment(make_project(), image, purpose=Purpose.UNCERTAIN)
    make_assignment(project, image, purpose=Purpose.RANDOM)
    assert Assignment.objects.filter(project=project).drawn_at_random().get().image == image


# -- from readings to a model --
def read(project: Project, reader: User, partition: Partition, count: int, *, purpose: Purpose, is_odd: bool = False):
    """Images of one patient each, the worse the noisier; odd ones were scored the other way round."""
    images = []
    for number in range(count):
        seed = project.images.count()
        patient = f"{partition}-{purpose}-{number}"
        PatientPartition.objects.create(project=project, patient_key=patient, partition=partition)
        image = make_stored_image(project, noise=30.0 * 1.25**number, seed=seed, patient_key=patient)
        level = float(4 - (5 * number) // count)
        make_reading(project, image, reader, {"overall": 4.0 - level if is_odd else level}, purpose=purpose)
        images.append(image)
    return images


def execute(project: Project) -> FineTuneRun:
    baseline(project)
    run = start_run(project=project, by=None, seed=1, config=QUICK)
    execute_run(run=run, load=engine_for, reporter=Reports(), now=timezone.now())
    run.refresh_from_db()
    return run


def heads_of(version: ModelVersion) -> Heads:
    heads = engine_for(version)._predictor.heads
    assert heads is not None
    return heads


def factor(version: ModelVersion, images: list[Image]) -> float:
    """By how many std a 90 % interval reaches where it is calibrated on these Images."""
    run = version.fine_tune_run
    material = gather_material(snapshot=run.snapshot, encoder=engine_for(version), reporter=Reports())
    part = material.partitions[Partition.VALIDATION].of({image.pk for image in images})
    distance = engine_for(version)._predictor.distance(part.features, part.prompts)
    said = heads_of(version).predict(part.features, part.prompts)["overall"].widened(distance)
    return conformal_quantile(said.scaled_residuals(part.targets["overall"]), 0.9)


def learnt_factor(version: ModelVersion) -> float:
    return heads_of(version).interval_factor("overall", 0.9)


def read_for_training_and_test(project: Project, reader: User) -> None:
    read(project, reader, Partition.TRAIN, 10, purpose=Purpose.UNCERTAIN)
    read(project, reader, Partition.TEST, 4, purpose=Purpose.UNCERTAIN)


def test_intervals_reach_as_far_as_random_images_say_whatever_chosen_ones_say(project, reader):
    read_for_training_and_test(project, reader)
    drawn = read(project, reader, Partition.VALIDATION, 9, purpose=Purpose.RANDOM)
    chosen = read(project, reader, Partition.VALIDATION, 6, purpose=Purpose.UNCERTAIN, is_odd=True)
    run = execute(project)
    assert learnt_factor(run.candidate) == pytest.approx(factor(run.candidate, drawn), rel=1e-3)
    assert factor(run.candidate, drawn + chosen) > 1.1 * learnt_factor(run.candidate)
    assert run.report["intervals"] == {"overall": {"from": "random", "images": 9}}
    assert run.report["counts"]["validation"]["images"] == 15
    document = json.loads(default_storage.open(run.candidate.document_name).read())
    assert document["training"]["heads"]["intervals"] == run.report["intervals"]


def test_intervals_come_from_all_images_where_too_few_were_drawn_at_random(project, reader):
    read_for_training_and_test(project, reader)
    drawn = read(project, reader, Partition.VALIDATION, 8, purpose=Purpose.RANDOM)
    chosen = read(project, reader, Partition.VALIDATION, 6, purpose=Purpose.UNCERTAIN, is_odd=True)
    run = execute(project)
    assert learnt_factor(run.candidate) == pytest.approx(factor(run.candidate, drawn + chosen), rel=1e-3)
    assert run.report["intervals"] == {"overall": {"from": "all", "images": 14}}


def test_the_error_is_told_of_test_images_that_were_drawn_at_random(project, reader):
    read_for_training_and_test(project, reader)
    read(project, reader, Partition.TEST, 3, purpose=Purpose.RANDOM)
    read(project, reader, Partition.VALIDATION, 2, purpose=Purpose.RANDOM)
    report = execute(project).report
    assert (report["at_random"]["images"], report["gate"]["images"]) == (3, 7)
    assert report["at_random"]["new"] != report["gate"]["new"]


# -- what the page says --
@pytest.fixture
def page(monkeypatch, project, reader):
    monkeypatch.setattr("annotations.bundle.is_built", lambda: True)
    monkeypatch.setattr(DjangoViteAssetLoader, "generate_vite_asset", lambda *_, **__: "")
    read_for_training_and_test(project, reader)
    read(project, reader, Partition.VALIDATION, 2, purpose=Purpose.UNCERTAIN)
    run = execute(project)
    client = Client()
    client.force_login(make_member(project, Role.ML_ENGINEER))

    def show(language: str = "en", **report: object) -> str:
        run.report |= report
        run.save()
        with override(language):
            path = reverse("run", kwargs={"slug": project.slug, "pk": run.pk})
            return client.get(path, headers={"Accept-Language": language}).content.decode()

    return show


def test_the_page_says_in_words_what_intervals_come_from(page):
    assert "Intervals are rough: 2 validation images have scores, and calibrating them takes 9." in page()
    random = {"overall": {"from": "random", "images": 12}}
    assert "Intervals are calibrated on 12 validation images that were drawn at random." in page(intervals=random)
    chosen = {"overall": {"from": "all", "images": 14}}
    said = "Intervals are calibrated on all 14 validation images: fewer than 9 of them were drawn at random."
    assert said in page(intervals=chosen)
    assert "Intervals are calibrated" not in page(intervals={})  # of a version that did not say
    assert "zufällig gezogenen" in page("de", intervals=random)


def test_the_page_says_the_error_on_random_test_images_where_there_are_some(page):
    assert "drawn at random" not in page()
    said = "On the 5 test images that were drawn at random: error 0.100, production&#x27;s 0.200."
    assert said in page(at_random={"images": 5, "old": 0.2, "new": 0.1})
    assert "drawn at random" not in page(at_random={"images": 5, "old": None, "new": 0.1})
