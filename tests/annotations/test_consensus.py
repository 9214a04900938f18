"""Which Readings and which Scores a Consensus and the agreement are made of."""

import uuid

import pytest
from django.utils import timezone

from annotations.models import Arm, Assignment, Criterion, Project, Purpose, Reading, Role, User
from annotations.services.agreement import ReaderAgreement, Repeats, agreement_of
from annotations.services.consensus import Consensus, consensus_of
from annotations.services.progress import progress_of
from annotations.services.readings import correct_reading, submit_reading
from tests.factories import (
    make_assignment,
    make_image,
    make_member,
    make_project,
    make_reading,
    make_rubric,
    make_submission,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(overlap=2)


def correct(reading: Reading, score: float, reader: User) -> Reading:
    submission = make_submission(reading.project, {"overall": score})
    return correct_reading(reading=reading, reader=reader, submission=submission, now=timezone.now())[0]


def only(found: list[Consensus]) -> Consensus:
    (consensus,) = found
    return consensus


def test_consensus_is_the_mean_of_the_readers_with_their_spread(project: Project, reader: User) -> None:
    image, other = make_image(project), make_member(project, Role.READER)
    make_reading(project, image, reader, {"overall": 1.0})
    make_reading(project, image, other, {"overall": 3.0})
    found = only(consensus_of(project))
    assert (found.image_id, found.value, found.reader_count) == (image.pk, 2.0, 2)
    assert found.spread == pytest.approx(2**0.5)


def test_a_blind_correction_takes_the_place_of_what_it_corrects(project: Project, reader: User) -> None:
    correct(make_reading(project, make_image(project), reader, {"overall": 1.0}), 4.0, reader)
    assert only(consensus_of(project)).value == 4.0


def test_a_correction_that_predictions_may_have_led_does_not_count(project: Project) -> None:
    both = make_member(project, Role.READER, Role.ML_ENGINEER)
    reading = make_reading(project, make_image(project), both, {"overall": 1.0})
    assisted = correct(correct(reading, 4.0, both), 3.0, both)
    assert assisted.arm == Arm.ASSISTED
    assert only(consensus_of(project)).value == 1.0


def test_readings_that_were_assisted_from_the_beginning_count(project: Project, reader: User) -> None:
    source = make_reading(project, make_image(project), reader, {"overall": 2.0})
    assignment = source.assignment
    assignment.pk, assignment.request_key, assignment.reader = None, source.pk, make_member(project, Role.READER)
    assignment._state.adding = True
    assignment.save()
    assisted = Reading.objects.create(
        client_key=uuid.uuid4(),
        assignment=assignment,
        project=project,
        image=source.image,
        reader=assignment.reader,
        rubric=source.rubric,
        arm=Arm.ASSISTED,
        active_seconds=1,
        wall_seconds=1,
        submitted_at=timezone.now(),
    )
    assert set(Reading.objects.counted()) == {source, assisted}


def test_an_assisted_correction_does_not_count_in_the_agreement(project: Project, reader: User) -> None:
    image, both = make_image(project), make_member(project, Role.READER, Role.MANAGER)
    make_reading(project, image, reader, {"overall": 1.0})
    correct(make_reading(project, image, both, {"overall": 4.0}), 1.0, both)
    (agreement,) = agreement_of(project)
    assert agreement.within_one_step == 0.0


def test_scores_of_an_earlier_rubric_count_where_the_criterion_is_unchanged(project: Project, reader: User) -> None:
    before, after = make_image(project), make_image(project)
    make_reading(project, before, reader, {"overall": 1.0})
    make_rubric(project, criteria=("overall", "noise"), version=2)
    make_reading(project, after, reader, {"overall": 3.0, "noise": 2.0})
    values = {
        (one.image_id, Criterion.objects.get(pk=one.criterion_id).key): one.value for one in consensus_of(project)
    }
    assert values == {(before.pk, "overall"): 1.0, (after.pk, "overall"): 3.0, (after.pk, "noise"): 2.0}
    versions = {Criterion.objects.get(pk=one.criterion_id).rubric.version for one in consensus_of(project)}
    assert versions == {2}


@pytest.mark.parametrize(
    "change",
    [{"question": "Is it sharp?"}, {"maximum": 5.0}, {"step": 0.5}, {"is_higher_better": False}, {"anchors": []}],
)
def test_scores_of_a_criterion_that_was_changed_stay_behind(
    project: Project, reader: User, change: dict[str, object]
) -> None:
    make_reading(project, make_image(project), reader)
    Criterion.objects.filter(rubric=make_rubric(project, version=2)).update(**change)
    assert consensus_of(project) == []


def test_another_projects_scores_never_count(project: Project) -> None:
    other = make_project()
    make_reading(other, make_image(other), make_member(other, Role.READER))
    assert consensus_of(project) == []


def test_who_could_not_judge_counts_in_no_figure() -> None:
    """Two readers scored, a third said that it cannot be judged: the third is neither a zero nor a reader of it."""
    project = make_project(overlap=3)
    image = make_image(project)
    for value in (1.0, 3.0):
        make_reading(project, image, make_member(project, Role.READER), {"overall": value})
    third = make_member(project, Role.READER)
    place = make_assignment(project, image, slot=3)
    place.reader, place.leased_at = third, timezone.now()
    place.save()
    submission = make_submission(project, {}, abstentions={"overall": "too_faulty"})
    submit_reading(assignment=place, reader=third, submission=submission, now=timezone.now())
    (consensus,) = consensus_of(project)
    assert (consensus.value, consensus.reader_count) == (2.0, 2)
    (agreement,) = agreement_of(project)
    assert (agreement.image_count, agreement.within_one_step) == (1, 0.0)
    assert Assignment.objects.done().count() == 3


def test_image_that_nobody_could_judge_has_no_consensus() -> None:
    project = make_project()
    place = make_assignment(project)
    reader = make_member(project, Role.READER)
    place.reader, place.leased_at = reader, timezone.now()
    place.save()
    submission = make_submission(project, {}, abstentions={"overall": "not_shown"})
    submit_reading(assignment=place, reader=reader, submission=submission, now=timezone.now())
    assert consensus_of(project) == []
    assert progress_of(project, now=timezone.now()).images_read == 1


def repeat(reading: Reading, score: float) -> Reading:
    """The reader is given the Image once more."""
    place = make_assignment(reading.project, reading.image, slot=9, purpose=Purpose.REPEAT, reader=reading.reader)
    submission = make_submission(reading.project, {"overall": score})
    return submit_reading(assignment=place, reader=reading.reader, submission=submission, now=timezone.now())[0]


def test_who_read_an_image_twice_counts_once_with_the_mean(project: Project, reader: User) -> None:
    image, other = make_image(project), make_member(project, Role.READER)
    repeat(make_reading(project, image, reader, {"overall": 1.0}), 2.0)
    make_reading(project, image, other, {"overall": 3.0})
    consensus = only(consensus_of(project))
    assert (consensus.value, consensus.reader_count) == (2.25, 2)
    assert consensus.spread == pytest.approx(1.5 / 2**0.5)


def test_repeats_are_no_second_reader(project: Project, reader: User) -> None:
    repeat(make_reading(project, make_image(project), reader, {"overall": 1.0}), 4.0)
    (agreement,) = agreement_of(project)
    assert (agreement.image_count, agreement.within_one_step) == (0, None)
    assert agreement.repeats == Repeats(count=1, same=0.0, within_one_step=0.0, shift=3.0)


def test_each_reader_is_held_against_the_others_and_against_themselves(project: Project, reader: User) -> None:
    other, third = make_member(project, Role.READER), make_member(project, Role.READER)
    images = [make_image(project) for _ in range(3)]
    given = {reader: (3.0, 1.0, 2.0), other: (1.0, 1.0, None), third: (2.0, None, None)}
    readings = {
        (person, index): make_reading(project, images[index], person, {"overall": value})
        for person, values in given.items()
        for index, value in enumerate(values)
        if value is not None
    }
    repeat(readings[reader, 0], 2.0)
    repeat(readings[reader, 2], 2.0)
    (agreement,) = agreement_of(project)
    by_name = {one.username: one for one in agreement.by_reader}
    assert by_name[reader.username] == ReaderAgreement(reader.username, 2, 0.75, Repeats(2, 0.5, 1.0, -0.5))
    assert by_name[other.username] == ReaderAgreement(other.username, 2, -0.75, Repeats(0, None, None, None))
    assert by_name[third.username].offset == 0.0
    assert agreement.repeats.count == 2
