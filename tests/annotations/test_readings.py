"""Submitting: exactly once, immutable, never lost, corrected by superseding."""

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.errors import (
    AlreadyCorrected,
    AlreadySubmitted,
    ClientKeyReused,
    ContradictoryAnswer,
    DomainError,
    FindingOutsideImage,
    IncompleteScores,
    NotYourAssignment,
    ScoreOutOfScale,
    UnknownCriterion,
    UnknownFindingType,
    UnknownRubric,
)
from annotations.models import Arm, Assignment, Finding, Membership, Project, Reading, Role, Score, User
from annotations.services.cases import case_of
from annotations.services.readings import FindingMark, correct_reading, submit_reading
from annotations.services.worklists import lease_assignments
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


@pytest.fixture
def assignment(project: Project, reader: User) -> Assignment:
    make_assignment(project)
    (leased,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    return leased


def test_submission_stores_scores_findings_and_time(project: Project, reader: User, assignment: Assignment) -> None:
    mark = FindingMark(type="Motion", slice_index=0, x=10, y=20, criterion_key="overall")
    submission = make_submission(
        project, {"overall": 2.0}, findings=[mark], display_state={"window_width": 400}, active_seconds=7.5
    )
    now = timezone.now()
    reading, is_new = submit_reading(assignment=assignment, reader=reader, submission=submission, now=now)
    assert is_new
    assert reading.scores.get().value == 2.0
    assert reading.findings.get().type == "Motion"
    assert (reading.active_seconds, reading.submitted_at, reading.arm) == (7.5, now, Arm.BLIND)
    assert Assignment.objects.done().get() == assignment


def test_same_submission_twice_is_one_reading(project: Project, reader: User, assignment: Assignment) -> None:
    submission = make_submission(project)
    first = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    again = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    assert first[0] == again[0]
    assert again[1] is False
    assert Reading.objects.count() == Score.objects.count() == 1


def test_second_submission_with_another_key_is_refused(project: Project, reader: User, assignment: Assignment) -> None:
    submit_reading(assignment=assignment, reader=reader, submission=make_submission(project), now=timezone.now())
    with pytest.raises(AlreadySubmitted):
        submit_reading(assignment=assignment, reader=reader, submission=make_submission(project), now=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_same_submission_on_four_connections_at_once_is_one_reading() -> None:
    project = make_project()
    reader = make_member(project, Role.READER)
    make_assignment(project)
    (assignment,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    submission = make_submission(project)
    stored: list[tuple[Reading, bool]] = []
    start = threading.Barrier(4)

    def send() -> None:
        start.wait()
        try:
            stored.append(
                submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(stored) == 4
    assert sum(is_new for _, is_new in stored) == 1
    assert Reading.objects.count() == 1


@pytest.mark.parametrize(
    ("scores", "refusal"),
    [
        ({}, IncompleteScores),
        ({"overall": 2.0, "noise": 1.0}, UnknownCriterion),
        ({"overall": 4.5}, ScoreOutOfScale),
        ({"overall": -1.0}, ScoreOutOfScale),
        ({"overall": 2.5}, ScoreOutOfScale),
        ({"overall": float("nan")}, ScoreOutOfScale),
        ({"overall": float("inf")}, ScoreOutOfScale),
    ],
)
def test_wrong_scores_are_refused_and_nothing_is_stored(
    project: Project, reader: User, assignment: Assignment, scores: dict[str, float], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        submit_reading(
            assignment=assignment, reader=reader, submission=make_submission(project, scores), now=timezone.now()
        )
    assert not Reading.objects.exists()
    assert not Assignment.objects.done().exists()


@pytest.mark.parametrize(("slice_index", "x", "y"), [(1, 5, 5), (0, 65, 5), (0, 5, 65)])
def test_finding_outside_the_image_is_refused(
    project: Project, reader: User, assignment: Assignment, slice_index: int, x: float, y: float
) -> None:
    submission = make_submission(project, findings=[FindingMark("Noise", slice_index, x, y)])
    with pytest.raises(FindingOutsideImage):
        submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    assert not Finding.objects.exists()


@pytest.mark.parametrize(("width", "height"), [(60.0, 10.0), (10.0, 45.0)])
def test_box_that_leaves_the_image_is_refused(
    project: Project, reader: User, assignment: Assignment, width: float, height: float
) -> None:
    mark = FindingMark("Noise", 0, 5, 20, width=width, height=height)
    with pytest.raises(FindingOutsideImage):
        submit_reading(
            assignment=assignment,
            reader=reader,
            submission=make_submission(project, findings=[mark]),
            now=timezone.now(),
        )


def test_type_that_the_rubric_has_not_is_refused(project: Project, reader: User, assignment: Assignment) -> None:
    submission = make_submission(project, findings=[FindingMark("Ghosts", 0, 5, 5)])
    with pytest.raises(UnknownFindingType):
        submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())


def test_what_cannot_be_judged_is_an_answer_and_no_score(
    project: Project, reader: User, assignment: Assignment
) -> None:
    submission = make_submission(project, {}, abstentions={"overall": "too_faulty"}, confidence="low")
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    assert list(reading.abstentions.values_list("criterion__key", "reason")) == [("overall", "too_faulty")]
    assert reading.confidence == "low"
    assert not Score.objects.exists()
    assert Assignment.objects.done().get() == assignment
    assert submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())[1] is False
    with pytest.raises(DatabaseError), transaction.atomic():
        reading.abstentions.update(reason="other")


@pytest.mark.parametrize(
    ("scores", "abstentions", "refusal"),
    [
        ({"overall": 2.0}, {"overall": "other"}, ContradictoryAnswer),
        ({"overall": 2.0}, {"noise": "other"}, UnknownCriterion),
    ],
)
def test_contradictory_answers_are_refused(
    project: Project,
    reader: User,
    assignment: Assignment,
    scores: dict[str, float],
    abstentions: dict[str, str],
    refusal: type[DomainError],
) -> None:
    submission = make_submission(project, scores, abstentions=abstentions)
    with pytest.raises(refusal):
        submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    assert not Reading.objects.exists()


def test_same_key_with_another_abstention_is_refused(project: Project, reader: User, assignment: Assignment) -> None:
    submission = make_submission(project, {}, abstentions={"overall": "too_faulty"})
    submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())
    other = replace(submission, abstentions={"overall": "other"})
    with pytest.raises(ClientKeyReused):
        submit_reading(assignment=assignment, reader=reader, submission=other, now=timezone.now())


def test_unknown_reason_and_confidence_are_refused_by_the_api(
    api: Callable[[User], APIClient], project: Project, reader: User, assignment: Assignment
) -> None:
    body = {"client_key": str(uuid.uuid4()), "rubric_id": 1, "active_seconds": 1, "wall_seconds": 1}
    for wrong in ({"abstentions": {"overall": "tired"}}, {"abstentions": ["x"]}, {"confidence": "huge"}, {"scores": 4}):
        answer = api(reader).post(f"/api/v1/assignments/{assignment.pk}/readings/", body | wrong, format="json")
        assert answer.status_code == 400


def test_rubric_of_another_project_is_refused(project: Project, reader: User, assignment: Assignment) -> None:
    foreign = make_submission(make_project())
    with pytest.raises(UnknownRubric):
        submit_reading(assignment=assignment, reader=reader, submission=foreign, now=timezone.now())


def test_submission_begun_with_an_older_rubric_is_kept_with_that_rubric(
    project: Project, reader: User, assignment: Assignment
) -> None:
    begun = make_submission(project)
    make_rubric(project, criteria=("noise",), version=2)
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=begun, now=timezone.now())
    assert reading.rubric.version == 1


def test_case_of_another_reader_is_refused(project: Project, assignment: Assignment) -> None:
    other = make_member(project, Role.READER)
    with pytest.raises(NotYourAssignment):
        submit_reading(assignment=assignment, reader=other, submission=make_submission(project), now=timezone.now())


def test_client_key_of_another_reading_is_refused(project: Project, reader: User, assignment: Assignment) -> None:
    earlier = make_reading(project, make_image(project), reader)
    submission = make_submission(project, client_key=earlier.client_key)
    with pytest.raises(ClientKeyReused):
        submit_reading(assignment=assignment, reader=reader, submission=submission, now=timezone.now())


def test_same_key_with_other_scores_is_refused_and_the_first_stays(
    project: Project, reader: User, assignment: Assignment
) -> None:
    first = make_submission(project, {"overall": 1.0})
    submit_reading(assignment=assignment, reader=reader, submission=first, now=timezone.now())
    changed = make_submission(project, {"overall": 4.0}, client_key=first.client_key)
    with pytest.raises(ClientKeyReused):
        submit_reading(assignment=assignment, reader=reader, submission=changed, now=timezone.now())
    assert Score.objects.get().value == 1.0


MANY = dict.fromkeys(map(str, range(41)), 0)


@pytest.mark.parametrize(
    "state",
    [
        *({"note": "a\x00b"}, {"note": "\ud800"}, MANY),
        *({"compared": [MANY]}, {"compared": ["?", {"display": MANY}]}, {"compared": [0] * 501}),
    ],
)
def test_display_state_that_cannot_be_stored_is_a_clear_refusal(
    reader: User, assignment: Assignment, state: dict[str, object]
) -> None:
    client = APIClient()
    client.force_login(reader)
    body = {"client_key": str(uuid.uuid4()), "rubric_id": 1, "scores": {"overall": 1}, "display_state": state}
    times = {"active_seconds": 1, "wall_seconds": 1}
    answer = client.post(
        f"/api/v1/assignments/{assignment.pk}/readings/", json.dumps(body | times), content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "display_state"


def test_case_of_a_multi_frame_image_takes_as_many_queries_as_one_of_a_single_frame(
    project: Project, django_assert_max_num_queries
) -> None:
    few, many = make_image(project, slices=2), make_image(project, slices=40)
    reader = make_member(project, Role.READER)
    for image in (few, many):
        fresh = Assignment.objects.get(pk=make_assignment(project, image).pk)
        with django_assert_max_num_queries(11):
            case = case_of(fresh, reader=reader)
        assert len(case["image"]["frames"]) == len(case["instances"]) == image.slices.count()


def test_late_submission_counts_when_nobody_else_took_the_case(
    project: Project, reader: User, assignment: Assignment
) -> None:
    later = timezone.now() + timedelta(days=3)
    reading, _ = submit_reading(assignment=assignment, reader=reader, submission=make_submission(project), now=later)
    assert reading.assignment == assignment


def test_late_submission_is_not_lost_when_another_reader_took_the_case(
    project: Project, reader: User, assignment: Assignment
) -> None:
    """Read on a train, sent a day later: meanwhile the lease lapsed and a colleague has read it."""
    colleague, later = make_member(project, Role.READER), timezone.now() + timedelta(days=1)
    (taken,) = lease_assignments(project=project, reader=colleague, count=1, now=later)
    assert taken == assignment
    submit_reading(assignment=taken, reader=colleague, submission=make_submission(project), now=later)
    submission = make_submission(project)
    reading, is_new = submit_reading(assignment=assignment, reader=reader, submission=submission, now=later)
    again, is_new_again = submit_reading(assignment=assignment, reader=reader, submission=submission, now=later)
    assert (reading, is_new, is_new_again) == (again, True, False)
    assert reading.assignment != assignment
    assert Assignment.objects.done().count() == 2


def test_correction_supersedes_and_the_first_stays(project: Project, reader: User) -> None:
    reading = make_reading(project, make_image(project), reader, {"overall": 1.0})
    submission = make_submission(project, {"overall": 2.0})
    corrected, is_new = correct_reading(reading=reading, reader=reader, submission=submission, now=timezone.now())
    assert is_new
    assert corrected.supersedes == reading
    assert list(Reading.objects.current()) == [corrected]
    assert Score.objects.get(reading=reading).value == 1.0
    assert Assignment.objects.done().count() == 1


def test_only_the_newest_reading_is_corrected_and_only_by_its_reader(project: Project, reader: User) -> None:
    reading = make_reading(project, make_image(project), reader)
    submission = make_submission(project)
    correct_reading(reading=reading, reader=reader, submission=submission, now=timezone.now())
    with pytest.raises(AlreadyCorrected):
        correct_reading(reading=reading, reader=reader, submission=make_submission(project), now=timezone.now())
    with pytest.raises(NotYourAssignment):
        correct_reading(
            reading=reading,
            reader=make_member(project, Role.READER),
            submission=make_submission(project),
            now=timezone.now(),
        )


def test_correction_by_somebody_who_may_see_predictions_is_not_blind(project: Project, reader: User) -> None:
    reading = make_reading(project, make_image(project), reader)
    Membership.objects.create(project=project, user=reader, role=Role.ML_ENGINEER)
    corrected, _ = correct_reading(
        reading=reading, reader=reader, submission=make_submission(project), now=timezone.now()
    )
    assert (reading.arm, corrected.arm) == (Arm.BLIND, Arm.ASSISTED)


@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_database_refuses_changes_of_readings_and_scores(project: Project, reader: User, change: str) -> None:
    make_reading(project, make_image(project), reader)
    for table in ("annotations_reading", "annotations_score"):
        with connection.cursor() as cursor, pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            cursor.execute(change.format(table))
    assert Score.objects.get().value == 3.0
