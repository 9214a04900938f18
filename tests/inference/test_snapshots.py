"""Snapshots: fixed, split by patient, refused with a sentence where nothing could be learnt."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotations.models import Role
from annotations.services.readings import correct_reading
from inference.errors import ConstantScores, TooFewScores
from inference.models import LabelSnapshot, LabelSnapshotEntry, Partition, PatientPartition, ScoringRefusal
from inference.services.snapshots import build_snapshot
from tests.factories import make_image, make_member, make_project, make_reading, make_submission
from tests.inference.images import baseline

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def read(project, reader, *, patients, each=1, scores=(0, 1, 2, 3, 4), first=0):
    for number in range(patients * each):
        image = make_image(project, patient_key=f"p{first + number % patients}")
        make_reading(project, image, reader, {"overall": float(scores[number % len(scores)])})


def partitions_of_patients(snapshot: LabelSnapshot) -> dict[str, set[str]]:
    rows = snapshot.entries.values_list("image__series__study__patient_key", "partition")
    found: dict[str, set[str]] = {}
    for patient, partition in rows:
        found.setdefault(patient, set()).add(partition)
    return found


def test_every_read_image_is_in_and_no_patient_is_on_two_sides(project, reader):
    read(project, reader, patients=6, each=3)
    snapshot = build_snapshot(project=project)
    assert snapshot.entries.count() == 18
    found = partitions_of_patients(snapshot)
    assert all(len(partitions) == 1 for partitions in found.values())
    assert set.union(*found.values()) == set(Partition.values)


def test_a_patient_stays_where_it_was_when_more_is_read(project, reader):
    read(project, reader, patients=12)
    before = partitions_of_patients(build_snapshot(project=project))
    read(project, reader, patients=30)
    after = partitions_of_patients(build_snapshot(project=project))
    assert {patient: after[patient] for patient in before} == before
    assert len(after) == 30


def test_the_same_consensus_again_is_the_same_snapshot(project, reader):
    read(project, reader, patients=12)
    assert build_snapshot(project=project) == build_snapshot(project=project)
    reading = reader.readings.first()
    correct_reading(
        reading=reading, reader=reader, submission=make_submission(project, {"overall": 2.0}), now=timezone.now()
    )
    assert LabelSnapshot.objects.count() == 1
    build_snapshot(project=project)
    assert LabelSnapshot.objects.count() == 2


def test_the_database_refuses_changes_to_a_snapshot(project, reader):
    read(project, reader, patients=12)
    snapshot = build_snapshot(project=project)
    for change in (
        lambda: LabelSnapshotEntry.objects.filter(snapshot=snapshot).update(consensus=0),
        lambda: LabelSnapshot.objects.filter(pk=snapshot.pk).update(sha256="0" * 64),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_two_readers_make_one_consensus(project, reader):
    read(project, reader, patients=12)
    image = reader.readings.first().image
    own = reader.readings.first().scores.get().value
    make_reading(project, image, make_member(project, Role.READER), {"overall": 4.0 - own})
    entry = build_snapshot(project=project).entries.get(image=image)
    assert (entry.consensus, entry.reader_count) == (2.0, 2)


@pytest.mark.parametrize(
    ("patients", "each", "said"), [(5, 2, "10 images of 5 patients"), (3, 5, "15 images of 3 patients")]
)
def test_too_few_scores_are_refused_with_what_is_there_and_what_is_needed(project, reader, patients, each, said):
    read(project, reader, patients=patients, each=each)
    with pytest.raises(TooFewScores, match=f"{said}.*12 images of 4 patients"):
        build_snapshot(project=project)
    assert not PatientPartition.objects.exists()  # the split is decided with the first snapshot, not before


def test_too_few_test_images_are_refused(project, reader):
    read(project, reader, patients=1, each=11)
    read(project, reader, patients=3, first=1)
    with pytest.raises(TooFewScores, match="for test"):
        build_snapshot(project=project)


def test_one_constant_score_is_refused_and_names_its_criterion(project, reader):
    read(project, reader, patients=12, scores=(3,))
    with pytest.raises(ConstantScores, match=r"How good is overall.*same score"):
        build_snapshot(project=project)


def test_a_constant_criterion_may_be_left_out():
    project = make_project(criteria=("overall", "noise"))
    reader = make_member(project, Role.READER)
    for number in range(12):
        make_reading(project, make_image(project), reader, {"overall": float(number % 5), "noise": 1.0})
    with pytest.raises(ConstantScores, match="noise"):
        build_snapshot(project=project)
    assert build_snapshot(project=project, trained_criteria=["overall"]).entries.count() == 24


def test_images_that_the_model_cannot_read_stay_out(project, reader):
    read(project, reader, patients=13)
    image = reader.readings.first().image
    ScoringRefusal.objects.create(
        project=project, image=image, model_version=baseline(project), reason="constant", detail="Constant."
    )
    assert not build_snapshot(project=project).entries.filter(image=image).exists()
