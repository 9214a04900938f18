"""Images that show what a level looks like: chosen by a manager, seen beside the level, never handed out as a case."""

import threading
import uuid
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotations.errors import AlreadyACase, AlreadyAnAnchor, AnchorNotRead, UnknownImage, UnknownLevel
from annotations.models import (
    AnchorImage,
    Assignment,
    Criterion,
    Image,
    ImageSlice,
    Membership,
    Project,
    ProjectImage,
    Purpose,
    Role,
    User,
)
from annotations.services.anchor_images import possible_anchors, remove_anchor_image, set_anchor_image
from annotations.services.assignments import AssignmentRequest, request_assignments
from annotations.services.progress import progress_of, worklist_counts
from annotations.services.worklists import lease_assignments
from tests.annotations.threads import before, in_threads
from tests.factories import (
    LIKERT,
    make_assignment,
    make_image,
    make_member,
    make_project,
    make_reading,
    make_rubric,
)

pytestmark = pytest.mark.django_db


def criterion_of(project: Project, version: int = 1) -> Criterion:
    return Criterion.objects.get(rubric__project=project, rubric__version=version)


def choose(project: Project, value: float = 3, image: Image | None = None) -> AnchorImage:
    image = image or make_image(project)
    return set_anchor_image(criterion=criterion_of(project), value=value, image_id=image.pk, now=timezone.now())


def lease(project: Project, reader: User) -> list[Assignment]:
    return lease_assignments(project=project, reader=reader, count=3, now=timezone.now())


def worklist(project: Project, reader: User) -> dict:
    client = Client()
    client.force_login(reader)
    return client.post(f"/api/v1/projects/{project.slug}/worklist/").json()


def test_anchor_image_is_not_handed_out_and_counts_nowhere(project: Project, reader: User) -> None:
    image = make_image(project)
    make_assignment(project, image)
    other = make_assignment(project)
    choose(project, image=image)
    assert lease(project, reader) == [other]
    assert worklist_counts(project, reader=reader, now=timezone.now())["open_count"] == 1
    progress = progress_of(project, now=timezone.now())
    assert (progress.images_left, progress.assignments_total) == (1, 1)


@pytest.mark.parametrize("purpose", Purpose)
def test_nobody_can_ask_for_readings_of_an_anchor_image(project: Project, purpose: Purpose) -> None:
    anchor, free = choose(project), make_image(project)
    requests = [AssignmentRequest(image_id, purpose, rank) for rank, image_id in enumerate([free.pk, anchor.image_id])]
    with pytest.raises(AnchorNotRead):
        request_assignments(project=project, request_key=uuid.uuid4(), requests=requests)
    assert not Assignment.objects.exists()


def test_stack_that_gets_more_slices_stays_the_anchor_that_it_was(project: Project, reader: User) -> None:
    anchor = choose(project)
    longer = make_image(project)
    Image.objects.filter(pk=longer.pk).update(series=anchor.image.series, stack_key=anchor.image.stack_key)
    place = make_assignment(project, longer)
    ProjectImage.objects.filter(image=anchor.image).update(superseded_by=ProjectImage.objects.get(image=longer))
    assert not Image.objects.cases_of(project).exists()
    assert lease(project, reader) == []
    assert place in Assignment.objects.all()
    assert [one["value"] for one in anchors_in_case(project, reader)] == [3]


def anchors_in_case(project: Project, reader: User) -> list[dict]:
    make_assignment(project)
    (case,) = worklist(project, reader)["cases"]
    return case["rubric"]["criteria"][0]["anchor_images"]


def test_image_that_a_reader_had_or_has_read_becomes_no_anchor(project: Project, reader: User) -> None:
    read = make_image(project)
    make_reading(project, read, reader)
    held = make_assignment(project)
    lease(project, reader)
    for image in (read, held.image):
        with pytest.raises(AlreadyACase):
            choose(project, image=image)
    assert not possible_anchors(project).exists()
    assert not AnchorImage.objects.exists()


def test_levels_and_images_are_the_projects_own(project: Project) -> None:
    with pytest.raises(UnknownLevel):
        choose(project, value=2.5)
    with pytest.raises(UnknownImage):
        choose(project, image=make_image(make_project()))
    anchor = choose(project, value=1)
    with pytest.raises(AlreadyAnAnchor):
        choose(project, value=2, image=anchor.image)
    assert choose(project, value=1, image=anchor.image) == anchor  # the same again


def test_another_image_takes_the_place_at_the_level(project: Project) -> None:
    first, second = choose(project), choose(project)
    assert list(AnchorImage.objects.shown()) == [second]
    assert first.image in Image.objects.cases_of(project)  # nobody can have seen it


def test_image_whose_level_readers_may_have_seen_stays_no_case(project: Project, reader: User) -> None:
    anchor = choose(project)
    make_assignment(project)
    lease(project, reader)
    remove_anchor_image(anchor=anchor, now=timezone.now())
    assert not AnchorImage.objects.shown().exists()
    assert anchor.image not in Image.objects.cases_of(project)


def test_new_rubric_keeps_the_anchors_of_levels_that_mean_the_same(project: Project, reader: User) -> None:
    kept, changed = choose(project, value=3), choose(project, value=1)
    make_rubric(project, version=2)
    texts = [{**level, "text": "Worse"} if level["value"] == 1 else level for level in LIKERT]
    Criterion.objects.filter(rubric__version=2).update(anchors=texts)
    found = AnchorImage.objects.at_levels_of(criterion_of(project, 2))
    assert list(found) == [kept]
    assert changed.image not in Image.objects.cases_of(project)
    make_rubric(project, version=3)
    Criterion.objects.filter(rubric__version=3).update(question="Another question?")
    assert not AnchorImage.objects.at_levels_of(criterion_of(project, 3)).exists()
    assert anchors_in_case(project, reader) == []


def test_case_names_the_anchor_images_of_its_levels_and_nothing_else_of_them(project: Project, reader: User) -> None:
    anchor = choose(project)
    (told,) = anchors_in_case(project, reader)
    url = reverse("anchor-image-detail", kwargs={"pk": anchor.pk})
    assert told == {"value": 3, "image": anchor.image_id, "url": url, "thumbnail_url": None}
    client = Client()
    client.force_login(reader)
    picture = client.get(url).json()
    assert set(picture) == {"criterion", "value", "image", "instances"}
    assert picture["image"]["id"] == anchor.image_id
    uid = ImageSlice.objects.get(image=anchor.image).instance.sop_instance_uid
    assert list(picture["instances"]) == [uid]


def test_anchor_is_not_shown_to_who_is_to_judge_the_image_in_another_project(project: Project, reader: User) -> None:
    anchor = choose(project)
    elsewhere = make_project()
    ProjectImage.objects.create(project=elsewhere, image=anchor.image)
    assert anchor in AnchorImage.objects.visible_to(reader)
    Membership.objects.create(project=elsewhere, user=reader, role=Role.READER)
    assert anchors_in_case(project, reader) == []
    client = Client()
    client.force_login(reader)
    assert client.get(reverse("anchor-image-detail", kwargs={"pk": anchor.pk})).status_code == 404
    make_reading(elsewhere, anchor.image, reader)
    assert anchor in AnchorImage.objects.visible_to(reader)


def test_manager_chooses_sees_and_takes_away(project: Project) -> None:
    manager, client = make_member(project, Role.MANAGER), Client()
    client.force_login(manager)
    image, foreign = make_image(project), make_image(make_project())
    address = f"/projects/{project.slug}/anchor-images/overall/4/"
    page = client.get(address).content.decode()
    assert f'value="{image.pk}"' in page
    assert f'value="{foreign.pk}"' not in page
    refused = client.post(address, {"image": foreign.pk}, follow=True).content.decode()
    assert "The project has no such image." in refused
    stored = client.post(address, {"image": image.pk}, follow=True).content.decode()
    assert f"Image {image.pk}" in stored
    for wrong in ("overall/2.5", "overall/nan", "overall/x", "other/3"):
        assert client.get(f"/projects/{project.slug}/anchor-images/{wrong}/").status_code == 404
    anchor = AnchorImage.objects.get()
    client.post(f"/projects/{project.slug}/anchor-images/{anchor.pk}/remove/")
    assert not AnchorImage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_reader_gets_a_case_that_becomes_an_anchor_at_the_same_moment() -> None:
    """Half of the images become anchors while two readers take cases: each is one or the other, never both."""
    project = make_project(overlap=1)
    readers = [make_member(project, Role.READER) for _ in range(2)]
    images = [make_image(project) for _ in range(8)]
    for image in images:
        make_assignment(project, image)
    start = threading.Barrier(3)

    def take(reader: User) -> None:
        start.wait()
        for count in range(1, 4):
            lease_assignments(project=project, reader=reader, count=count, now=timezone.now())

    def choose_many() -> None:
        start.wait()
        criterion = criterion_of(project)
        for image in images:
            try:
                set_anchor_image(criterion=criterion, value=3, image_id=image.pk, now=timezone.now())
            except AlreadyACase:
                continue

    in_threads([partial(take, readers[0]), partial(take, readers[1]), choose_many])
    taken = set(Assignment.objects.filter(reader__isnull=False).values_list("image", flat=True))
    anchors = set(AnchorImage.objects.values_list("image", flat=True))
    assert anchors
    assert not taken & anchors


@pytest.mark.django_db(transaction=True)
def test_choosing_an_anchor_and_a_case_that_is_mixed_in_do_not_wait_for_each_other_for_ever() -> None:
    """Who mixes in a case holds the reader and needs the project; who chooses an anchor holds the project first."""
    project = make_project()
    reader, image, calibration = make_member(project, Role.READER), make_image(project), make_image(project)
    ProjectImage.objects.filter(image=calibration).update(is_calibration=True)
    is_reader_held, is_project_held = threading.Event(), threading.Event()
    leased: list[Assignment] = []

    def make_case() -> None:
        def hold_the_reader() -> None:
            is_reader_held.set()
            assert is_project_held.wait(30)

        with before("INSERT", '"annotations_assignment"', then=hold_the_reader):
            leased.extend(lease(project, reader))

    def make_anchor() -> None:
        assert is_reader_held.wait(30)
        with before("SELECT", '"annotations_membership"', "FOR NO KEY UPDATE", then=is_project_held.set):
            choose(project, image=image)

    in_threads([make_case, make_anchor])
    assert [case.image for case in leased] == [calibration]
    assert AnchorImage.objects.get().image == image
