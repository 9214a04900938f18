"""How well the readers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from annotations.models import Criterion, Project, Reading, Rubric, Score


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha with interval distance (1: perfect, 0: as by chance), and how often two readers of an
    Image lie within one step of each other. None where no Image has two readers (alpha: or all Scores are equal)."""

    criterion: Criterion
    image_count: int
    alpha: float | None
    within_one_step: float | None

    @property
    def percent_within_one_step(self) -> float | None:
        return None if self.within_one_step is None else 100 * self.within_one_step


def agreement_of(project: Project) -> list[Agreement]:
    """Agreement on each Criterion of the current Rubric, over the Images that two readers or more have read."""
    rubric = Rubric.objects.current(project)
    return [_agreement(project, criterion) for criterion in rubric.criteria.all()] if rubric else []


def _agreement(project: Project, criterion: Criterion) -> Agreement:
    units = [values for values in _values_by_image(project, criterion).values() if len(values) >= 2]
    return Agreement(
        criterion=criterion,
        image_count=len(units),
        alpha=interval_alpha(units),
        within_one_step=_share_within(units, criterion.step),
    )


def _values_by_image(project: Project, criterion: Criterion) -> dict[int, list[float]]:
    asked_alike = Criterion.objects.asking_the_same_as(criterion)
    scores = Score.objects.filter(criterion__in=asked_alike, reading__in=Reading.objects.of(project).counted())
    values: dict[int, list[float]] = defaultdict(list)
    for image_id, value in scores.values_list("reading__image_id", "value"):
        values[image_id].append(value)
    return values


def interval_alpha(units: Sequence[Sequence[float]]) -> float | None:
    """Krippendorff's alpha for interval data: 1 - observed / expected disagreement.

    `units` holds the values of each Image. Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability"
    (2011), section E with the interval difference function (c - k)².
    """
    pairable = [unit for unit in units if len(unit) >= 2]
    values = [value for unit in pairable for value in unit]
    expected = _mean_squared_difference(values)
    if not expected:
        return None
    observed = sum(len(unit) * _mean_squared_difference(unit) for unit in pairable) / len(values)
    return 1.0 - observed / expected


def _mean_squared_difference(values: Sequence[float]) -> float:
    """Mean of (a - b)² over all ordered pairs of different positions."""
    count = len(values)
    if count < 2:
        return 0.0
    mean = sum(values) / count
    return 2.0 * sum((value - mean) ** 2 for value in values) / (count - 1)


def _share_within(units: Sequence[Sequence[float]], step: float) -> float | None:
    differences = [abs(a - b) for unit in units for a, b in combinations(unit, 2)]
    if not differences:
        return None
    return sum(difference <= step + 1e-9 for difference in differences) / len(differences)
