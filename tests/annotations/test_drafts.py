"""Drafts: one a reader and case, the largest revision stands, nobody else's to see, gone with the submission."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotations.models import Assignment, Draft, Membership, Project, Reading, Role, User
from annotations.services.consensus import consensus_of
from annotations.services.progress import progress_of, worklist_counts
from annotations.services.readings import submit_or_correct, submit_reading
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_member, make_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(project: Project, reader: User) -> Assignment:
    make_assignment(project)
    return lease_assignments(project=project, reader=reader, count=1, now=timezone.now())[0]


@pytest.fixture
def device(api: Callable[[User], APIClient], reader: User) -> APIClient:
    return api(reader)


def url(case: Assignment) -> str:
    return f"/api/v1/assignments/{case.pk}/draft/"


def edit(revision: int, score: float, key: uuid.UUID | None = None, **content: Any) -> dict[str, Any]:
    return {
        "client_key": str(key or uuid.uuid4()),
        "revision": revision,
        "content": {"scores": {"overall": score}, **content},
    }


def test_edit_is_given_back_to_another_device(device: APIClient, case: Assignment) -> None:
    sent = edit(1, 3, comment=" half a sentence ", confidence="low")
    assert device.put(url(case), sent, "json").status_code == 200
    answer = device.get(url(case)).json()
    assert answer["submitted"] is None
    kept = answer["draft"]
    assert (kept["client_key"], kept["revision"]) == (sent["client_key"], 1)
    assert kept["content"]["scores"] == {"overall": 3}
    assert (kept["content"]["comment"], kept["content"]["confidence"]) == (" half a sentence ", "low")


def test_finding_without_a_type_is_kept_where_the_rubric_names_none(
    device: APIClient, project: Project, case: Assignment
) -> None:
    project.rubrics.update(finding_types=[])
    place = {"type": "", "slice_index": 0, "x": 4.5, "y": 5}
    assert device.put(url(case), edit(1, 3, findings=[place]), "json").status_code == 200
    (kept,) = device.get(url(case)).json()["draft"]["content"]["findings"]
    assert (kept["type"], kept["x"]) == ("", 4.5)


def test_larger_revision_stands_in_whatever_order_they_arrive(device: APIClient, case: Assignment) -> None:
    newer, older = edit(7, 4), edit(6, 1)
    device.put(url(case), newer, "json")
    answer = device.put(url(case), older, "json").json()
    assert (answer["draft"]["revision"], answer["draft"]["content"]["scores"]) == (7, {"overall": 4})
    assert Draft.objects.count() == 1


def test_same_revision_of_two_devices_leaves_the_first_and_tells_the_second(
    device: APIClient, case: Assignment
) -> None:
    first, second = edit(2, 4), edit(2, 1)
    device.put(url(case), first, "json")
    answer = device.put(url(case), second, "json").json()
    assert answer["draft"]["client_key"] == first["client_key"]
    assert answer["draft"]["content"]["scores"] == {"overall": 4}


def test_edit_sent_twice_changes_nothing(device: APIClient, case: Assignment) -> None:
    sent = edit(1, 3)
    answers = [device.put(url(case), sent, "json").json() for _ in range(2)]
    answers.append(device.get(url(case)).json())
    kept = Draft.objects.get()
    for answer in answers:
        answer["draft"]["times"].pop("wall_ms")  # goes on
    assert answers[0] == answers[1] == answers[2]
    assert (kept.revision, Draft.objects.count()) == (1, 1)


def test_times_of_all_devices_are_put_together_whichever_edit_stands(device: APIClient, case: Assignment) -> None:
    desk, tablet = str(uuid.uuid4()), str(uuid.uuid4())
    newer = edit(7, 4) | {"times": {"active_ms": {desk: 30_000}, "wall_ms": 3_600_000}}
    older = edit(6, 1) | {"times": {"active_ms": {desk: 20_000, tablet: 12_000}, "wall_ms": 60_000}}
    for sent in (newer, older, older):
        answer = device.put(url(case), sent, "json").json()
    assert answer["draft"]["content"]["scores"] == {"overall": 4}
    assert answer["draft"]["times"]["active_ms"] == {desk: 30_000, tablet: 12_000}
    assert answer["draft"]["times"]["wall_ms"] >= 3_600_000
    assert "times" not in answer["draft"]["content"]
    assert device.get(url(case)).json()["draft"]["times"]["wall_ms"] == pytest.approx(3_600_000, abs=60_000)


def test_draft_of_an_earlier_version_has_no_times_and_takes_some(device: APIClient, case: Assignment) -> None:
    device.put(url(case), edit(1, 3), "json")
    kept = Draft.objects.get()
    del kept.content["times"]
    kept.save()
    assert device.get(url(case)).json()["draft"]["times"] == {"active_ms": {}, "wall_ms": 0}
    clock = str(uuid.uuid4())
    sent = edit(2, 3) | {"times": {"active_ms": {clock: 5}, "wall_ms": 9}}
    assert device.put(url(case), sent, "json").json()["draft"]["times"]["active_ms"] == {clock: 5}


def test_draft_is_no_reading_and_moves_no_figure(
    device: APIClient, project: Project, reader: User, case: Assignment
) -> None:
    now = timezone.now()
    before = (progress_of(project, now=now), worklist_counts(project, reader=reader, now=now))
    device.put(url(case), edit(1, 3), "json")
    assert (progress_of(project, now=now), worklist_counts(project, reader=reader, now=now)) == before
    assert not Reading.objects.exists()
    assert consensus_of(project) == []


def test_nobody_but_its_reader_sees_a_draft(
    api: Callable[[User], APIClient], device: APIClient, project: Project, case: Assignment
) -> None:
    device.put(url(case), edit(1, 3), "json")
    for role in Role:
        other = make_member(project, role)
        answer = api(other).get(url(case))
        assert answer.status_code == 403 or answer.status_code == 404 or answer.json()["draft"] is None, role
        assert not Draft.objects.visible_to(other).exists()


def test_member_no_more_sees_no_draft(device: APIClient, project: Project, reader: User, case: Assignment) -> None:
    device.put(url(case), edit(1, 3), "json")
    Membership.objects.filter(project=project, user=reader).delete()
    assert device.get(url(case)).status_code == 404
    assert not Draft.objects.visible_to(reader).exists()


def test_draft_goes_with_the_submission_and_a_late_edit_does_not_bring_it_back(
    device: APIClient, project: Project, reader: User, case: Assignment
) -> None:
    device.put(url(case), edit(1, 3), "json")
    submission = make_submission(project)
    submit_reading(assignment=case, reader=reader, submission=submission, now=timezone.now())
    assert not Draft.objects.exists()
    late = device.put(url(case), edit(2, 3), "json")
    assert (late.status_code, late.json()["errors"][0]["code"]) == (409, "already_submitted")
    assert device.get(url(case)).json() == {"draft": None, "submitted": str(submission.client_key)}


def test_draft_of_a_correction_is_kept_until_the_correction_is_submitted(
    device: APIClient, project: Project, reader: User, case: Assignment
) -> None:
    first = make_submission(project)
    submit_reading(assignment=case, reader=reader, submission=first, now=timezone.now())
    sent = edit(1, 2, corrects=str(first.client_key))
    assert device.put(url(case), sent, "json").json()["draft"]["content"]["corrects"] == str(first.client_key)
    correction = make_submission(project, corrects=first.client_key)
    submit_or_correct(assignment=case, reader=reader, submission=correction, now=timezone.now())
    assert not Draft.objects.exists()
    assert device.put(url(case), edit(2, 2, corrects=str(first.client_key)), "json").status_code == 409


def test_reader_whose_lease_lapsed_keeps_drafting_and_a_colleague_sees_nothing_of_it(
    api: Callable[[User], APIClient], device: APIClient, project: Project, reader: User, case: Assignment
) -> None:
    colleague = make_member(project, Role.READER)
    later = timezone.now() + timedelta(days=1)
    assert lease_assignments(project=project, reader=colleague, count=1, now=later) == [case]
    assert device.put(url(case), edit(1, 3), "json").status_code == 200
    assert api(colleague).get(url(case)).json()["draft"] is None
    api(colleague).put(url(case), edit(1, 1), "json")
    assert device.get(url(case)).json()["draft"]["content"]["scores"] == {"overall": 3}
    submit_reading(assignment=case, reader=reader, submission=make_submission(project), now=later)
    assert device.put(url(case), edit(2, 3), "json").status_code == 409
    assert Draft.objects.get().reader == colleague


def test_case_that_a_reader_never_had_takes_no_draft(
    api: Callable[[User], APIClient], project: Project, case: Assignment
) -> None:
    assert api(make_member(project, Role.READER)).put(url(case), edit(1, 3), "json").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"revision": 0},
        {"client_key": "x"},
        {"content": {"scores": {"overall": True}}},
        {"content": {"scores": {"overall": "NaN"}}},
        {"content": {"scores": {"a\0": 1}}},
        {"content": {"abstentions": {"overall": "no mood"}}},
        {"times": {"active_ms": {"my desk": 1}}},
        {"times": {"wall_ms": -1}},
        {"times": {"wall_ms": "NaN"}},
    ],
)
def test_what_is_no_draft_is_refused(device: APIClient, case: Assignment, wrong: dict[str, Any]) -> None:
    assert device.put(url(case), edit(1, 3) | wrong, "json").status_code == 400
    assert not Draft.objects.exists()
