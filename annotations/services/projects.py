"""Setting up: the first administrator, and Projects with a Rubric to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.text import slugify

from annotations.errors import SetupDone
from annotations.models import Criterion, Membership, Project, Role, Rubric, User

SETUP_LOCK = 0x6D656469  # "medi": one first administrator, however many ask at once


@dataclass(frozen=True)
class CriterionDraft:
    key: str
    question: str
    anchors: Sequence[str]


OVERALL_QUALITY = CriterionDraft(
    key="overall",
    question="Overall diagnostic image quality",
    anchors=(
        "Bad: not diagnostic",
        "Poor: diagnosis strongly limited",
        "Fair: limited, sufficient for some questions",
        "Good: minor faults, fully diagnostic",
        "Excellent: no faults",
    ),
)


@transaction.atomic
def create_first_administrator(*, username: str, password: str) -> User:
    """Raises SetupDone where any account exists."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SETUP_LOCK])
    if User.objects.exists():
        raise SetupDone
    return User.objects.create_superuser(username, password=password)


@transaction.atomic
def create_project(
    *,
    name: str,
    creator: User | None,
    slug: str = "",
    overlap: int = 2,
    criteria: Sequence[CriterionDraft] = (OVERALL_QUALITY,),
    **policy: object,
) -> Project:
    """A Project with version 1 of its Rubric; who creates it manages it."""
    project = Project(name=name, slug=slug or slugify(name)[:60], overlap=overlap, **policy)
    project.full_clean()
    project.save()
    rubric = Rubric.objects.create(project=project, version=1)
    for position, draft in enumerate(criteria):
        _add_criterion(rubric, position, draft)
    if creator is not None:
        Membership.objects.create(project=project, user=creator, role=Role.MANAGER)
    return project


def _add_criterion(rubric: Rubric, position: int, draft: CriterionDraft) -> None:
    Criterion.objects.create(
        rubric=rubric,
        key=draft.key,
        question=draft.question,
        position=position,
        minimum=0,
        maximum=len(draft.anchors) - 1,
        step=1,
        anchors=[{"value": value, "text": text} for value, text in enumerate(draft.anchors)],
    )
