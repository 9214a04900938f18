"""How far a Project is. Every figure follows from Assignments being done, which is defined once: on their QuerySet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Avg, Count, Exists, OuterRef, Q
from django.db.models.functions import TruncDate

from annotations.models import Assignment, Image, Project, User
from annotations.models.assignment import AssignmentQuerySet
from annotations.services.mixing import count_left_to_mix_in


@dataclass(frozen=True)
class ReaderProgress:
    username: str
    done: int
    mean_active_seconds: float | None


@dataclass(frozen=True)
class DayProgress:
    day: date
    done: int


@dataclass(frozen=True)
class ProjectProgress:
    """`images_read`: all that was asked for of the Image is done. `images_left`: some Assignment of it is not.

    `assignments_open`: of those that were asked for; what was mixed in and given back waits for its one reader, and
    calibration cases are given to each reader whatever was asked for.
    """

    images: int
    images_read: int
    images_left: int
    assignments_done: int
    assignments_leased: int
    assignments_open: int
    by_reader: list[ReaderProgress]
    by_day: list[DayProgress]

    @property
    def assignments_total(self) -> int:
        return self.assignments_done + self.assignments_leased + self.assignments_open

    @property
    def busiest_day_done(self) -> int:
        return max((day.done for day in self.by_day), default=0)


def progress_of(project: Project, *, now: datetime) -> ProjectProgress:
    assignments = Assignment.objects.filter(project=project)
    images = Image.objects.in_project(project)
    asked_for = assignments.asked_for().exclude(image__in=project.project_images.calibrating().values("image"))
    left = images.filter(Exists(asked_for.undone().filter(image=OuterRef("pk"))))
    begun = images.filter(Exists(assignments.done().filter(image=OuterRef("pk"))))
    return ProjectProgress(
        images=images.count(),
        images_read=begun.exclude(pk__in=left).count(),
        images_left=left.count(),
        assignments_done=assignments.done().count(),
        assignments_leased=assignments.leased(now).count(),
        assignments_open=asked_for.open(now).count(),
        by_reader=_by_reader(project),
        by_day=_by_day(project),
    )


def _by_reader(project: Project) -> list[ReaderProgress]:
    rows = (
        Assignment.objects.filter(project=project)
        .done()
        .values("reader__username")
        .annotate(
            done=Count("pk", distinct=True),
            seconds=Avg("readings__active_seconds", filter=Q(readings__supersedes__isnull=True)),
        )
        .order_by("reader__username")
    )
    return [ReaderProgress(row["reader__username"], row["done"], row["seconds"]) for row in rows]


def _by_day(project: Project) -> list[DayProgress]:
    rows = (
        Assignment.objects.filter(project=project)
        .done()
        .values(day=TruncDate("submitted_at"))
        .annotate(done=Count("pk"))
        .order_by("day")
    )
    return [DayProgress(row["day"], row["done"]) for row in rows]


def worklist_counts(project: Project, *, reader: User, now: datetime) -> dict[str, int]:
    """For one reader: how many cases they could still be given, and how many they have done."""
    return worklist_counts_in([project], reader=reader, now=now)[project.pk]


def worklist_counts_in(projects: Iterable[Project], *, reader: User, now: datetime) -> dict[int, dict[str, int]]:
    """The same for many Projects at once, by their keys."""
    by_key = {project.pk: project for project in projects}
    assignments = Assignment.objects.filter(project__in=by_key)
    available = _by_project(assignments.left_for(reader, now), Count("image", distinct=True))
    held = _by_project(assignments.undone().filter(reader=reader), Count("pk"))
    done = _by_project(assignments.done().filter(reader=reader), Count("pk"))
    mixed_in = {
        project.pk: count_left_to_mix_in(project=project, reader=reader, now=now)
        for project in Project.objects.mixing().filter(pk__in=by_key)
    }
    return {
        key: {
            "open_count": available.get(key, 0) + held.get(key, 0) + mixed_in.get(key, 0),
            "done_count": done.get(key, 0),
        }
        for key in by_key
    }


def _by_project(assignments: AssignmentQuerySet, count: Count) -> dict[int, int]:
    return dict(assignments.order_by().values("project").annotate(count=count).values_list("project", "count"))
