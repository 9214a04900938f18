"""Rows for tests, each valid by itself. Names say what is made; every argument has a sensible default."""

import hashlib
import itertools
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.utils import timezone

from annotations.models import (
    Assignment,
    Criterion,
    Dimension,
    Image,
    ImageSlice,
    Instance,
    Membership,
    Project,
    ProjectImage,
    Purpose,
    Reading,
    Role,
    Rubric,
    Series,
    Study,
    User,
)
from annotations.services.readings import Submission, submit_reading

_counter = itertools.count(1)
LIKERT = [{"value": v, "text": t} for v, t in enumerate(["Bad", "Poor", "Fair", "Good", "Excellent"])]


def make_user(username: str | None = None, **fields: object) -> User:
    return User.objects.create_user(username or f"user{next(_counter)}", password="a long password", **fields)


def make_project(slug: str | None = None, *, criteria: Sequence[str] = ("overall",), **fields: object) -> Project:
    slug = slug or f"project-{next(_counter)}"
    project = Project.objects.create(slug=slug, name=slug.title(), **fields)
    make_rubric(project, criteria=criteria)
    return project


def make_rubric(project: Project, *, criteria: Sequence[str] = ("overall",), version: int = 1) -> Rubric:
    rubric = Rubric.objects.create(project=project, version=version)
    for position, key in enumerate(criteria):
        Criterion.objects.create(
            rubric=rubric, key=key, question=f"How good is {key}?", position=position, anchors=LIKERT
        )
    return rubric


def make_member(project: Project, *roles: Role, username: str | None = None) -> User:
    user = make_user(username)
    for role in roles:
        Membership.objects.create(project=project, user=user, role=role)
    return user


def make_image(
    project: Project | None = None,
    *,
    slices: int = 1,
    modality: str = "CT",
    patient_key: str | None = None,
    study_date: date | None = None,
) -> Image:
    number = next(_counter)
    patient_key = patient_key or f"patient-{number}"
    study = Study.objects.create(study_instance_uid=f"1.2.3.{number}", patient_key=patient_key, study_date=study_date)
    series = Series.objects.create(study=study, series_instance_uid=f"1.2.3.{number}.1", modality=modality)
    image = Image.objects.create(
        series=series,
        stack_key=f"stack-{number}",
        content_sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        dimension=Dimension.THREE if slices > 1 else Dimension.TWO,
        windows=[{"name": "Header", "center": 40.0, "width": 400.0}],
    )
    for index in range(slices):
        ImageSlice.objects.create(image=image, index=index, instance=make_instance(series, index))
    if project is not None:
        ProjectImage.objects.create(project=project, image=image)
    return image


def make_instance(series: Series, index: int = 0) -> Instance:
    uid = f"{series.series_instance_uid}.{index + 1}"
    return Instance.objects.create(
        series=series,
        sop_instance_uid=uid,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        instance_number=index + 1,
        rows=64,
        columns=64,
        frame_count=1,
        sha256=hashlib.sha256(uid.encode()).hexdigest(),
        byte_size=8192,
        metadata={"00080018": {"vr": "UI", "Value": [uid]}},
    )


def make_assignment(
    project: Project,
    image: Image | None = None,
    *,
    priority: int = 0,
    slot: int = 1,
    purpose: Purpose = Purpose.UNCERTAIN,
    request_key: uuid.UUID | None = None,
    reader: User | None = None,
) -> Assignment:
    return Assignment.objects.create(
        project=project,
        image=image or make_image(project),
        purpose=purpose,
        priority=priority,
        slot=slot,
        request_key=request_key or uuid.uuid4(),
        reader=reader,
    )


def make_submission(project: Project, scores: Mapping[str, float] | None = None, **fields: object) -> Submission:
    rubric = Rubric.objects.current(project)
    assert rubric is not None
    keys = rubric.criteria.values_list("key", flat=True)
    values = {
        "client_key": uuid.uuid4(),
        "rubric_id": rubric.pk,
        "scores": scores if scores is not None else dict.fromkeys(keys, 3.0),
        "active_seconds": 12.0,
        "wall_seconds": 15.0,
    }
    return Submission(**(values | fields))


def make_reading(
    project: Project,
    image: Image,
    reader: User,
    scores: Mapping[str, float] | None = None,
    *,
    now: datetime | None = None,
    purpose: Purpose = Purpose.UNCERTAIN,
) -> Reading:
    """A Reading as it comes about: an Assignment held by the reader, then a submission."""
    now = now or timezone.now()
    slot = Assignment.objects.filter(image=image).count() + 1
    assignment = make_assignment(project, image, slot=slot, purpose=purpose)
    assignment.reader, assignment.leased_at, assignment.lease_expires_at = reader, now, now
    assignment.save()
    reading, _ = submit_reading(
        assignment=assignment, reader=reader, submission=make_submission(project, scores), now=now
    )
    return reading
