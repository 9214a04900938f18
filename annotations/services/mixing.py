"""What is mixed in, unsaid, among the cases of a reader: their own once more, and the Project's calibration cases.

Nothing that a reader is sent tells such a case from another: it looks like any other, comes at a moment that can't be
foreseen, and was in the number of cases left from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from uuid import uuid4

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from annotations.models import Arm, Assignment, Membership, Project, ProjectImage, Purpose, Reading, Role, User
from annotations.models.assignment import AssignmentQuerySet
from annotations.models.project import ProjectImageQuerySet

CASES_TO_A_CALIBRATION = 4
"""Of so many cases one is a calibration case, until the reader has had all of them."""


def mix_in(*, project: Project, reader: User, now: datetime, is_due: bool) -> Assignment | None:
    """Make the Assignment that is due, if any; without `is_due` one of those left, since there is nothing else.

    It is the reader's, and not leased yet. One request of a reader at a time: see `worklists`.
    """
    if not Project.objects.mixing().filter(pk=project.pk).exists():
        return None
    mixture = _mixture_of(project, reader, now)
    if mixture.calibrations_left and not (is_due and mixture.is_early_for_calibration()):
        images = _calibrations_left(project, reader).values_list("image", flat=True)
        return _make(mixture, Purpose.CALIBRATION, list(images))
    if mixture.repeats_left and not (is_due and mixture.is_early_for_repeat()):
        return _make(mixture, Purpose.REPEAT, _images_far_enough_back(project, reader))
    return None


def count_left_to_mix_in(*, project: Project, reader: User, now: datetime) -> int:
    """How many more cases the reader will be given than were asked for, if the queue stays as it is."""
    mixture = _mixture_of(project, reader, now)
    return mixture.calibrations_left + mixture.repeats_left


@dataclass(frozen=True)
class _Mixture:
    """What one reader was given of a Project, and what is left. Counts of cases; `first`: all but repeats.

    `asked_for_left`: of the queue, what this reader may have. `repeatable`: read, and may be given once more.
    """

    project: Project
    reader: User
    repeat_share: float
    first: int
    first_done: int
    calibrations: int
    repeats: int
    asked_for_left: int
    calibrations_left: int
    repeatable: int

    @property
    def repeats_left(self) -> int:
        """The share of those cases that will have their distance to the reader's last one."""
        never = self.first_done - self.repeatable - self.repeats
        all_first = self.first + self.asked_for_left + self.calibrations_left
        far_enough = max(0, all_first - never - self.project.repeat_distance)
        return max(0, int(self.repeat_share * far_enough) - self.repeats)

    def is_early_for_calibration(self) -> bool:
        return self.first < CASES_TO_A_CALIBRATION * (self.calibrations + self._chance().random())

    def is_early_for_repeat(self) -> bool:
        """Each is due anywhere within an interval of its own; the intervals fill the cases up to the last one."""
        moment = (self.repeats + self._chance().random()) / self.repeat_share
        return self.first < self.project.repeat_distance + moment

    def choose(self, images: Sequence[int]) -> int | None:
        """One of them by chance, the same one when asked again; None of none."""
        return self._chance().choice(sorted(images)) if images else None

    def _chance(self) -> Random:
        """The same until the next one is mixed in; it can't be told from outside."""
        seed = (settings.SECRET_KEY, self.project.pk, self.reader.pk, self.calibrations, self.repeats)
        return Random(repr(seed))  # noqa: S311 - nothing is kept secret by it but a moment


def _mixture_of(project: Project, reader: User, now: datetime) -> _Mixture:
    cases = ProjectImage.objects.cases().filter(project=OuterRef("project"), image=OuterRef("image"))
    lasting = Q(submitted_at__isnull=False) | Q(Exists(cases))  # what was replaced before it was read is given no more
    given = _given_to(reader, project).filter(lasting)
    repeats = Q(purpose=Purpose.REPEAT)
    counts = given.order_by().aggregate(
        first=Count("pk", filter=~repeats),
        first_done=Count("pk", filter=~repeats & Q(submitted_at__isnull=False)),
        calibrations=Count("pk", filter=Q(purpose=Purpose.CALIBRATION)),
        repeats=Count("pk", filter=repeats),
    )
    left = Assignment.objects.filter(project=project).left_for(reader, now)
    return _Mixture(
        project=project,
        reader=reader,
        repeat_share=project.repeat_share if _judges_anew(reader, project) else 0.0,
        asked_for_left=left.aggregate(count=Count("image", distinct=True))["count"],
        calibrations_left=_calibrations_left(project, reader).count(),
        repeatable=_repeatable(project, reader).count(),
        **counts,
    )


def _judges_anew(reader: User, project: Project) -> bool:
    """A repeat tells something only of who could see neither a Prediction nor what others said since."""
    seeing = Membership.objects.filter(project=project, user=reader).exclude(role=Role.READER)
    return project.arm == Arm.BLIND and not seeing.exists()


def _given_to(reader: User, project: Project) -> AssignmentQuerySet:
    return Assignment.objects.filter(project=project, reader=reader)


def _calibrations_left(project: Project, reader: User) -> ProjectImageQuerySet:
    given = _given_to(reader, project).filter(image=OuterRef("image"))
    return project.project_images.calibrating().filter(~Exists(given))


def _repeatable(project: Project, reader: User) -> AssignmentQuerySet:
    """Read by the reader, still cases, not repeated; of nothing that they could be told of since, in any Project."""
    repeats = _given_to(reader, project).filter(image=OuterRef("image"), purpose=Purpose.REPEAT)
    told = Reading.objects.filter(reader=reader, image=OuterRef("image")).with_feedback()
    seeing = Project.objects.with_role(reader, Role.MANAGER, Role.ML_ENGINEER)
    seen = ProjectImage.objects.filter(image=OuterRef("image"), project__in=seeing)
    cases = project.project_images.cases().values("image")
    first = _given_to(reader, project).exclude(purpose=Purpose.REPEAT).done()
    return first.filter(~Exists(repeats), ~Exists(told), ~Exists(seen), image__in=cases)


def _images_far_enough_back(project: Project, reader: User) -> list[int]:
    """Of what the reader can repeat: since they said something of it, they read as many others as the Project says.

    What was only given to them counts for nothing, nor when: the last that was said can be opened again (see `undo`).
    """
    said = Reading.objects.of(project).current().filter(reader=reader).order_by("submitted_at")
    far = list(said.values_list("assignment", flat=True))[: -project.repeat_distance]
    return list(_repeatable(project, reader).filter(pk__in=far).values_list("image", flat=True))


def _make(mixture: _Mixture, purpose: Purpose, images: list[int]) -> Assignment | None:
    """Queued right behind what the reader was given last."""
    if (image := mixture.choose(images)) is None:
        return None
    given = _given_to(mixture.reader, mixture.project).filter(leased_at__isnull=False)
    last = given.order_by("-leased_at", "-priority").values_list("priority", flat=True).first()
    return Assignment.objects.create(
        project=mixture.project,
        image_id=image,
        purpose=purpose,
        priority=last or 0,
        slot=1,
        request_key=uuid4(),
        reader=mixture.reader,
    )
