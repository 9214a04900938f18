"""What the readers of an Image say together."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Avg, Count, StdDev

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
    given under an earlier version of the Rubric count where the Criterion asked the same. An Image's repeats by one
    reader are averaged with the others' (equal weight for each Reading).
    """
    rubric = Rubric.objects.current(project)
    criteria = rubric.criteria.all() if rubric is not None else []
    found = [consensus for criterion in criteria for consensus in _consensus_on(criterion, project)]
    return sorted(found, key=lambda one: (one.image_id, one.criterion_id))


def _consensus_on(criterion: Criterion, project: Project) -> list[Consensus]:
    asked_alike = Criterion.objects.asking_the_same_as(criterion)
    scores = Score.objects.filter(criterion__in=asked_alike, reading__in=Reading.objects.of(project).counted())
    rows = (
        scores.order_by()
        .values("reading__image_id")
        .annotate(
            mean=Avg("value"), reader_count=Count("reading__reader", distinct=True), spread=StdDev("value", sample=True)
        )
    )
    return [
        Consensus(
            image_id=row["reading__image_id"],
            criterion_id=criterion.pk,
            value=row["mean"],
            reader_count=row["reader_count"],
            spread=row["spread"],
        )
        for row in rows
    ]
