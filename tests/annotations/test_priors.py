"""A patient's earlier image beside a case: where the project allows it, and none that the reader has still to read."""

from datetime import date

import pytest
from django.test import Client
from django.utils import timezone

from annotations.models import Assignment, Image, Instance, Membership, Project, ProjectImage, Purpose, Role, User
from annotations.services.priors import prior_of, view_of
from annotations.services.worklists import lease_assignments
from tests.factories import make_assignment, make_image, make_member, make_project, make_reading

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(is_prior_shown=True)


def image_of(project: Project, year: int, **fields) -> Image:
    return make_image(project, patient_key="patient", study_date=date(year, 1, 1), **fields)


def case_in_hand(project: Project, reader: User, year: int = 2024, **fields) -> Assignment:
    make_assignment(project, image_of(project, year, **fields))
    (assignment,) = lease_assignments(project=project, reader=reader, count=1, now=timezone.now())
    return assignment


def read(project: Project, reader: User, year: int, **fields) -> Image:
    image = image_of(project, year, **fields)
    make_reading(project, image, reader)
    return image


def test_newest_earlier_image_of_the_patient_that_was_read(project: Project, reader: User) -> None:
    read(project, reader, 2019)
    newest = read(project, reader, 2021)
    read(project, reader, 2025)
    read(project, reader, 2022, modality="MR")
    make_reading(project, make_image(project, study_date=date(2023, 1, 1)), reader)  # another patient
    assert prior_of(case_in_hand(project, reader), reader=reader) == newest


def test_of_the_same_view_before_the_newest(project: Project, reader: User) -> None:
    same, other = read(project, reader, 2019), read(project, reader, 2021)
    assignment = case_in_hand(project, reader)
    for image, view in ((same, "CC"), (other, "MLO"), (assignment.image, "CC")):
        Instance.objects.filter(slices__image=image).update(metadata={"00185101": {"vr": "CS", "Value": [view]}})
    assert view_of(same) == "CC"
    assert prior_of(assignment, reader=reader) == same


def test_none_where_the_project_does_not_allow_it(project: Project, reader: User) -> None:
    read(project, reader, 2020)
    assignment = case_in_hand(project, reader)
    Project.objects.update(is_prior_shown=False)
    assert prior_of(Assignment.objects.get(pk=assignment.pk), reader=reader) is None


def test_image_that_is_still_to_be_read_is_no_prior(project: Project, reader: User) -> None:
    image_of(project, 2020)  # in nobody's queue yet
    make_assignment(project, image_of(project, 2021), priority=5)
    by_another = read(project, make_member(project, Role.READER), 2022)
    assignment = case_in_hand(project, reader)
    assert prior_of(assignment, reader=reader) is None
    make_reading(project, by_another, reader)
    assert prior_of(assignment, reader=reader) == by_another


def test_image_before_a_hidden_repeat_or_a_reading_elsewhere_is_no_prior(project: Project, reader: User) -> None:
    earlier = read(project, reader, 2020)
    assignment = case_in_hand(project, reader)
    assert prior_of(assignment, reader=reader) == earlier
    repeat = make_assignment(project, earlier, slot=2, purpose=Purpose.REPEAT, reader=reader)
    assert prior_of(assignment, reader=reader) is None
    repeat.delete()
    elsewhere = make_project()
    ProjectImage.objects.create(project=elsewhere, image=earlier)
    Membership.objects.create(project=elsewhere, user=reader, role=Role.READER)
    assert prior_of(assignment, reader=reader) is None


def test_prior_is_for_the_reader_of_the_case_alone(project: Project, reader: User) -> None:
    earlier = read(project, reader, 2020)
    colleague = make_member(project, Role.READER)
    make_reading(project, earlier, colleague)
    assignment = case_in_hand(project, reader)
    client = Client()
    client.force_login(reader)
    answer = client.get(f"/api/v1/assignments/{assignment.pk}/prior/")
    assert answer.json()["image"]["id"] == earlier.pk
    for other in (colleague, make_member(make_project(is_prior_shown=True), Role.READER)):
        client.force_login(other)
        assert client.get(f"/api/v1/assignments/{assignment.pk}/prior/").status_code == 404
