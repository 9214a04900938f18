"""What the readers of an Image say together."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Avg, Count, StdDev

from annotations.models import Project, Reading, Rubric, Score


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

    Only current Readings of the current Rubric version count; an Image's repeats by one reader are averaged with the
    others' (equal weight for each Reading).
    """
    rubric = Rubric.objects.current(project)
    if rubric is None:
        return []
    scores = Score.objects.filter(reading__in=Reading.objects.of(project).current(), criterion__rubric=rubric)
    rows = scores.values("reading__image_id", "criterion_id").annotate(
        mean=Avg("value"), reader_count=Count("reading__reader", distinct=True), spread=StdDev("value", sample=True)
    )
    return [
        Consensus(
            image_id=row["reading__image_id"],
            criterion_id=row["criterion_id"],
            value=row["mean"],
            reader_count=row["reader_count"],
            spread=row["spread"],
        )
        for row in rows.order_by("reading__image_id", "criterion_id")
    ]
