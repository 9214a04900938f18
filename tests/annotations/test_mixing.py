"""Repeats and calibration cases: given to whom they are for, at moments that can't be foreseen, and never told."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from annotations.errors import NothingToUndo, NotYourAssignment
from annotations.models import Arm, Assignment, Image, Membership, Project, ProjectImage, Purpose, Reading, Role, User
from annotations.services.anchor_images import set_anchor_image
from annotations.services.cases import case_of
from annotations.services.progress import progress_of, worklist_counts
from annotations.services.readings import correct_reading, submit_reading
from annotations.services.undo import reopen_last_reading
from annotations.services.worklists import extend_lease, lease_assignments, release_lease
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading, make_submission

pytestmark = pytest.mark.django_db


def repeating(**fields: object) -> Project:
    return make_project(**{"repeat_share": 0.25, "repeat_distance": 3, **fields})


def ask_for(project: Project, count: int) -> list[Image]:
    return [make_assignment(project, priority=place).image for place in range(count)]


def calibrate(project: Project, count: int) -> list[Image]:
    images = [make_image(project) for _ in range(count)]
    ProjectImage.objects.filter(project=project, image__in=images).update(is_calibration=True)
    return images


def take(project: Project, reader: User, now: datetime) -> Assignment | None:
    leased = lease_assignments(project=project, reader=reader, count=1, now=now)
    return leased[0] if leased else None


def submit(case: Assignment, now: datetime) -> None:
    assert case.reader
    submit_reading(assignment=case, reader=case.reader, submission=make_submission(case.project), now=now)


def read_all(project: Project, reader: User, *, most: int = 200) -> list[Assignment]:
    """What the reader is given until there is nothing left, a minute each."""
    given: list[Assignment] = []
    now = timezone.now()
    while (case := take(project, reader, now)) is not None:
        given.append(case)
        assert len(given) <= most
        submit(case, now)
        now += timedelta(minutes=1)
    return given


def purposes(given: list[Assignment]) -> list[str]:
    return [case.purpose for case in given]


def test_reader_is_given_the_share_of_cases_once_more(reader: User) -> None:
    project = repeating()
    Membership.objects.create(project=project, user=reader, role=Role.READER)
    images = ask_for(project, 43)
    given = read_all(project, reader)
    repeats = [case for case in given if case.purpose == Purpose.REPEAT]
    assert len(repeats) == 10  # a quarter of the 40 that can have three cases after them
    assert len({case.image_id for case in repeats}) == len(repeats)
    assert {case.image_id for case in given} == {image.pk for image in images}
    assert Reading.objects.filter(reader=reader).count() == 53


def test_other_cases_lie_between_a_case_and_its_repeat() -> None:
    project = repeating(repeat_distance=5)
    given = read_all(project, member_with(project, 30))
    for place, case in enumerate(given):
        if case.purpose == Purpose.REPEAT:
            first = next(index for index, one in enumerate(given) if one.image_id == case.image_id)
            assert place - first > 5


def member_with(project: Project, count: int) -> User:
    """A reader, and that many cases asked for."""
    ask_for(project, count)
    return make_member(project, Role.READER)


def test_repeats_come_neither_together_nor_at_fixed_places() -> None:
    gaps = set()
    for _ in range(3):
        project = repeating()
        places = [
            place
            for place, purpose in enumerate(purposes(read_all(project, member_with(project, 43))))
            if purpose == Purpose.REPEAT
        ]
        gaps |= {after - before for before, after in pairwise(places)}
    assert len(gaps) >= 3


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("distance", [1, 3, 20])
def test_each_submission_lowers_the_number_of_cases_left_by_one(share: float, distance: int) -> None:
    """A number that stayed where it was would give the repeat away."""
    project = repeating(repeat_share=share, repeat_distance=distance)
    calibrate(project, 3)
    reader = member_with(project, 29)
    now = timezone.now()
    left = worklist_counts(project, reader=reader, now=now)["open_count"]
    assert left >= 32
    while (case := take(project, reader, now)) is not None:
        assert worklist_counts(project, reader=reader, now=now)["open_count"] == left
        submit(case, now)
        now += timedelta(minutes=1)
        left -= 1
        counts = worklist_counts(project, reader=reader, now=now)
        assert counts["open_count"] == left
    assert left == 0
    assert counts["done_count"] == Assignment.objects.done().filter(reader=reader).count()


@pytest.mark.parametrize("distance", [1, 3])
def test_number_of_cases_left_holds_with_several_before_the_reader(distance: int) -> None:
    project = repeating(repeat_share=0.5, repeat_distance=distance)
    reader = member_with(project, 20)
    now = timezone.now()
    left = worklist_counts(project, reader=reader, now=now)["open_count"]
    while held := lease_assignments(project=project, reader=reader, count=3, now=now):
        submit(held[0], now)
        now += timedelta(minutes=1)
        left -= 1
        assert worklist_counts(project, reader=reader, now=now)["open_count"] == left
    assert left == 0


def test_a_case_that_is_mixed_in_has_what_any_other_has() -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1)
    (calibration,) = calibrate(project, 1)
    reader = member_with(project, 8)
    given = read_all(project, reader)
    assert {Purpose.REPEAT, Purpose.CALIBRATION} < set(purposes(given))
    shapes = {_shape(case_of(case, reader=reader)) for case in given}
    assert len(shapes) == 1
    assert "repeat" not in str(shapes)
    assert calibration.pk in {case.image_id for case in given}


def _shape(value: object) -> object:
    """Keys all the way down, without what they hold."""
    if isinstance(value, dict):
        return tuple(sorted((str(key), _shape(one)) for key, one in value.items() if key not in ("instances", "image")))
    return type(value).__name__


@pytest.mark.parametrize("arm", [Arm.TRAINING, Arm.ASSISTED])
def test_who_is_told_what_the_model_says_is_given_no_repeats(arm: Arm) -> None:
    project = repeating(arm=arm)
    assert Purpose.REPEAT not in purposes(read_all(project, member_with(project, 20)))


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ML_ENGINEER])
def test_who_may_see_readings_and_predictions_is_given_no_repeats(role: Role) -> None:
    project = repeating()
    ask_for(project, 20)
    reader = make_member(project, Role.READER, role)
    left = worklist_counts(project, reader=reader, now=timezone.now())["open_count"]
    assert (left, len(read_all(project, reader))) == (20, 20)


def test_image_that_was_followed_by_feedback_elsewhere_is_not_repeated() -> None:
    project, told = repeating(repeat_share=0.5, repeat_distance=1), make_project(arm=Arm.TRAINING)
    images = ask_for(project, 12)
    reader = make_member(project, Role.READER)
    Membership.objects.create(project=told, user=reader, role=Role.READER)
    for image in images[:6]:
        ProjectImage.objects.create(project=told, image=image)
        make_reading(told, image, reader)
    repeats = [case.image_id for case in read_all(project, reader) if case.purpose == Purpose.REPEAT]
    assert repeats
    assert not {image.pk for image in images[:6]} & set(repeats)


def test_replaced_image_is_not_repeated_and_nothing_is_left_of_it() -> None:
    project = make_project(repeat_distance=1)
    reader = member_with(project, 4)
    read_all(project, reader)
    Project.objects.update(repeat_share=0.5)
    project.refresh_from_db()
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 1
    successor = ProjectImage.objects.get(image=make_image(project).pk)
    ProjectImage.objects.exclude(pk=successor.pk).update(superseded_by=successor)
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 0
    assert take(project, reader, timezone.now()) is None


def test_repeat_that_is_put_back_comes_again_and_to_nobody_else() -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1, overlap=2)
    reader, other = member_with(project, 8), make_member(project, Role.READER)
    now = timezone.now()
    while (case := take(project, reader, now)) is not None and case.purpose != Purpose.REPEAT:
        submit(case, now)
        now += timedelta(minutes=1)
    assert case
    left = worklist_counts(project, reader=reader, now=now)["open_count"]
    release_lease(assignment=case, reader=reader)
    assert worklist_counts(project, reader=reader, now=now)["open_count"] == left
    assert case.pk not in {one.pk for one in read_all(project, other)}
    assert progress_of(project, now=now).assignments_open == 0
    assert case.pk in {one.pk for one in read_all(project, reader)}


def test_own_scores_are_not_shown_while_the_repeat_is_before_the_reader() -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1)
    reader = member_with(project, 8)
    now = timezone.now()
    while (case := take(project, reader, now)) is not None and case.purpose != Purpose.REPEAT:
        submit(case, now)
        now += timedelta(minutes=1)
    assert case
    shown = Reading.objects.visible_to(reader)
    assert shown.exists()
    assert not shown.filter(image=case.image_id).exists()
    longer = ProjectImage.objects.get(image=make_image(project).pk)
    ProjectImage.objects.filter(image=case.image_id).update(superseded_by=longer)  # it is not to be read any more
    assert shown.filter(image=case.image_id).count() == 1
    ProjectImage.objects.filter(image=case.image_id).update(superseded_by=None)
    submit(case, now)
    assert shown.filter(image=case.image_id).count() == 2


@pytest.mark.parametrize("ahead", [1, 2, 3])
def test_undo_never_opens_a_case_whose_repeat_is_before_the_reader(ahead: int) -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1)
    reader, now = member_with(project, 20), timezone.now()
    repeated = 0
    while held := lease_assignments(project=project, reader=reader, count=ahead, now=now):
        images = {case.image_id for case in held if case.purpose == Purpose.REPEAT}
        if Reading.objects.exists():
            last, _ = reopen_last_reading(project=project, reader=reader, now=now)
            assert last.image_id not in images
        submit(held[0], now)
        repeated += held[0].purpose == Purpose.REPEAT
        now += timedelta(seconds=10)
    assert repeated == 9


def test_case_that_was_corrected_last_is_not_the_next_to_be_repeated() -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1)
    reader, now = member_with(project, 3), timezone.now()
    first, second = (read_next(project, reader, now + timedelta(seconds=place)) for place in range(2))
    correct(first, now + timedelta(seconds=2))
    cases = lease_assignments(project=project, reader=reader, count=3, now=now)
    (repeat,) = (case for case in cases if case.purpose == Purpose.REPEAT)
    assert repeat.image_id == second.image_id
    correct(second, now + timedelta(seconds=3))  # on a page that was left open
    with pytest.raises(NothingToUndo):
        reopen_last_reading(project=project, reader=reader, now=now + timedelta(seconds=4))
    submit(repeat, now + timedelta(seconds=5))
    assert reopen_last_reading(project=project, reader=reader, now=now + timedelta(seconds=6))


def read_next(project: Project, reader: User, now: datetime) -> Assignment:
    case = take(project, reader, now)
    assert case
    submit(case, now)
    return case


def correct(case: Assignment, now: datetime) -> None:
    reading = Reading.objects.get(assignment=case)
    correct_reading(reading=reading, reader=reading.reader, submission=make_submission(case.project), now=now)


def test_every_reader_is_given_all_calibration_cases_early_and_among_others() -> None:
    project = make_project(overlap=1)
    images = calibrate(project, 3)
    first = member_with(project, 30)
    second = make_member(project, Role.READER)
    ask_for(project, 30)
    now = timezone.now()
    for reader in (first, second):
        given = []
        for _ in range(13):  # one in each four, and the last of three may be due only after the twelfth
            case = take(project, reader, now)
            assert case
            submit(case, now)
            given.append(case)
            now += timedelta(minutes=1)
        calibrations = [case.image_id for case in given if case.purpose == Purpose.CALIBRATION]
        assert set(calibrations) == {image.pk for image in images}
        assert len(calibrations) == 3


def test_calibration_cases_are_given_where_nothing_was_asked_for() -> None:
    project = make_project()
    calibrate(project, 2)
    reader = make_member(project, Role.READER)
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 2
    assert purposes(read_all(project, reader)) == [Purpose.CALIBRATION] * 2


def test_image_that_the_reader_had_as_another_case_is_no_calibration_case_any_more() -> None:
    project = make_project()
    (image,) = calibrate(project, 1)
    reader = make_member(project, Role.READER)
    make_reading(project, image, reader)
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 0
    assert take(project, reader, timezone.now()) is None


def test_calibration_case_that_was_asked_for_too_is_given_once() -> None:
    project = make_project()
    (image,) = calibrate(project, 1)
    make_assignment(project, image)
    reader = make_member(project, Role.READER)
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 1
    assert [case.image_id for case in read_all(project, reader)] == [image.pk]


def test_reading_sent_late_never_takes_the_place_of_a_repeat(reader: User) -> None:
    project = repeating()
    Membership.objects.create(project=project, user=reader, role=Role.READER)
    image = make_image(project)
    repeat = make_assignment(project, image, purpose=Purpose.REPEAT, reader=reader)
    lost = make_assignment(project, image, slot=2, reader=make_member(project, Role.READER))
    lost.previous_readers.add(reader)
    submit_reading(assignment=lost, reader=reader, submission=make_submission(project), now=timezone.now())
    repeat.refresh_from_db()
    assert repeat.submitted_at is None


def test_anchor_image_is_no_calibration_case() -> None:
    project = make_project()
    (image,) = calibrate(project, 1)
    criterion = project.rubrics.get().criteria.get()
    set_anchor_image(criterion=criterion, value=2, image_id=image.pk, now=timezone.now())
    assert take(project, make_member(project, Role.READER), timezone.now()) is None


def test_image_that_the_reader_could_see_judged_as_a_manager_elsewhere_is_not_repeated() -> None:
    project, managed = repeating(repeat_share=0.5, repeat_distance=1), make_project()
    images = ask_for(project, 12)
    reader = make_member(project, Role.READER)
    Membership.objects.create(project=managed, user=reader, role=Role.MANAGER)
    for image in images[:6]:
        ProjectImage.objects.create(project=managed, image=image)
    repeats = [case.image_id for case in read_all(project, reader) if case.purpose == Purpose.REPEAT]
    assert repeats
    assert not {image.pk for image in images[:6]} & set(repeats)


@pytest.mark.parametrize("is_calibration", [True, False])
def test_case_that_was_given_back_answers_alike_whatever_it_was(is_calibration: bool) -> None:
    project = make_project()
    if is_calibration:
        calibrate(project, 1)
    else:
        ask_for(project, 1)
    reader, now = make_member(project, Role.READER), timezone.now()
    case = take(project, reader, now)
    assert case
    release_lease(assignment=case, reader=reader)
    with pytest.raises(NotYourAssignment):
        extend_lease(assignment=case, reader=reader, now=now)
    with pytest.raises(NotYourAssignment):
        release_lease(assignment=case, reader=reader)
    assert take(project, reader, now) == case


def test_case_that_was_replaced_before_it_was_read_leaves_no_repeat_to_wait_for() -> None:
    project = repeating(repeat_share=0.5, repeat_distance=1)
    reader, now = member_with(project, 3), timezone.now()
    assert len(lease_assignments(project=project, reader=reader, count=3, now=now)) == 3
    successor = ProjectImage.objects.get(image=make_image(project).pk)
    ProjectImage.objects.exclude(pk=successor.pk).update(superseded_by=successor)
    assert worklist_counts(project, reader=reader, now=now)["open_count"] == 0


def test_project_ends_where_a_calibration_case_had_been_asked_for_too() -> None:
    project = make_project()
    (image,) = calibrate(project, 1)
    make_assignment(project, image)
    for _ in range(2):
        read_all(project, make_member(project, Role.READER))
    progress = progress_of(project, now=timezone.now())
    assert (progress.images_read, progress.images_left, progress.assignments_open) == (1, 0, 0)
