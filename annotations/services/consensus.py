"""What the readers of an Image say together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean, stdev

from django.db.models import Avg

from annotations.models import Criterion, Project, Reading, Rubric, Score


@dataclass(frozen=True)
class Consensus:
    """The mean of the current Scores of an Image on one Criterion, one for each reader.

    `spread` is the sample standard deviation among the readers in the Criterion's units; None with one reader.
    """

    image_id: int
    criterion_id: int
    value: float
    reader_count: int
    spread: float | None


def consensus_of(project: Project) -> list[Consensus]:
    """The Consensus of every read Image on each Criterion of the current Rubric.

    Counted Readings only (an assisted correction does not count beside the blind Reading that it corrects). Scores
    given under an earlier version of the Rubric count where the Criterion asked the same. Each reader counts once, who
    read the Image again with the mean of what they said.
    """
    rubric = Rubric.objects.current(project)
    criteria = rubric.criteria.all() if rubric is not None else []
    found = [consensus for criterion in criteria for consensus in _consensus_on(criterion, project)]
    return sorted(found, key=lambda one: (one.image_id, one.criterion_id))


def _consensus_on(criterion: Criterion, project: Project) -> list[Consensus]:
    return [
        Consensus(
            image_id=image_id,
            criterion_id=criterion.pk,
            value=fmean(values),
            reader_count=len(values),
            spread=stdev(values) if len(values) > 1 else None,
        )
        for image_id, values in _values_by_image(criterion, project).items()
    ]


def _values_by_image(criterion: Criterion, project: Project) -> dict[int, list[float]]:
    """Of each Image one value for each reader."""
    asked_alike = Criterion.objects.asking_the_same_as(criterion)
    scores = Score.objects.filter(criterion__in=asked_alike, reading__in=Reading.objects.of(project).counted())
    by_reader = scores.order_by().values("reading__image_id", "reading__reader_id").annotate(mean=Avg("value"))
    values: dict[int, list[float]] = defaultdict(list)
    for image_id, mean in by_reader.values_list("reading__image_id", "mean"):
        values[image_id].append(mean)
    return values
