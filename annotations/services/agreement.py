"""How well the readers agree: with each other, and with themselves where they were given a case once more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from django.contrib.auth.models import AnonymousUser

from annotations.models import Criterion, Project, Purpose, Reading, Rubric, Score, User
from annotations.models.reading import ReadingQuerySet


@dataclass(frozen=True)
class Repeats:
    """Of cases that a reader was given twice. None where there are none.

    `same` and `within_one_step`: shares of 0 to 1. `shift`: mean of second minus first Score, in the Criterion's units.
    """

    count: int
    same: float | None
    within_one_step: float | None
    shift: float | None

    @property
    def percent_same(self) -> float | None:
        return _percent(self.same)

    @property
    def percent_within_one_step(self) -> float | None:
        return _percent(self.within_one_step)


@dataclass(frozen=True)
class ReaderAgreement:
    """One reader beside the others. `offset`: mean of their Score minus the mean of the others' of the same Image, over
    `image_count` Images that others have read too; in the Criterion's units, None where there are none."""

    username: str
    image_count: int
    offset: float | None
    repeats: Repeats


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha with interval distance (1: perfect, 0: as by chance), and how often two readers of an
    Image lie within one step of each other. None where no Image has two readers (alpha: or all Scores are equal).
    Repeats are no second reader: they are told apart."""

    criterion: Criterion
    image_count: int
    alpha: float | None
    within_one_step: float | None
    repeats: Repeats
    by_reader: list[ReaderAgreement]

    @property
    def percent_within_one_step(self) -> float | None:
        return _percent(self.within_one_step)


@dataclass(frozen=True)
class _Said:
    image_id: int
    username: str
    value: float
    is_repeat: bool


def counted_for(user: User | AnonymousUser, project: Project) -> ReadingQuerySet:
    """The counted Readings that blinding lets the user see: their own Score beside the others' mean tells that mean."""
    return Reading.objects.visible_to(user).of(project).counted()


def agreement_of(project: Project, *, readings: ReadingQuerySet | None = None) -> list[Agreement]:
    """Agreement on each Criterion of the current Rubric, in all counted Readings of the Project or in these."""
    rubric = Rubric.objects.current(project)
    among = Reading.objects.of(project).counted() if readings is None else readings
    return [_agreement(criterion, among) for criterion in rubric.criteria.all()] if rubric else []


def _agreement(criterion: Criterion, readings: ReadingQuerySet) -> Agreement:
    said = _said_on(criterion, readings)
    first = _by_image(one for one in said if not one.is_repeat)
    units = [list(values.values()) for values in first.values() if len(values) >= 2]
    pairs = _repeated(said)
    return Agreement(
        criterion=criterion,
        image_count=len(units),
        alpha=interval_alpha(units),
        within_one_step=_share_within(units, criterion.step),
        repeats=_repeats(pairs, criterion.step),
        by_reader=[
            _reader_agreement(name, first, [pair for pair in pairs if pair[0].username == name], criterion.step)
            for name in sorted({one.username for one in said})
        ],
    )


def _said_on(criterion: Criterion, readings: ReadingQuerySet) -> list[_Said]:
    asked_alike = Criterion.objects.asking_the_same_as(criterion)
    scores = Score.objects.filter(criterion__in=asked_alike, reading__in=readings)
    rows = scores.order_by("reading__submitted_at").values_list(
        "reading__image_id", "reading__reader__username", "value", "reading__assignment__purpose"
    )
    return [_Said(image, reader, value, purpose == Purpose.REPEAT) for image, reader, value, purpose in rows]


def _by_image(said: Iterable[_Said]) -> dict[int, dict[str, float]]:
    """Of each Image what each reader said."""
    values: dict[int, dict[str, float]] = defaultdict(dict)
    for one in said:
        values[one.image_id][one.username] = one.value
    return values


def _repeated(said: Sequence[_Said]) -> list[tuple[_Said, _Said]]:
    """First and second, of each reader and Image that was scored twice."""
    first = {(one.username, one.image_id): one for one in said if not one.is_repeat}
    second = {(one.username, one.image_id): one for one in said if one.is_repeat}
    return [(first[key], second[key]) for key in sorted(first.keys() & second.keys())]


def _repeats(pairs: Sequence[tuple[_Said, _Said]], step: float) -> Repeats:
    units = [(first.value, second.value) for first, second in pairs]
    return Repeats(
        count=len(units),
        same=_share_within(units, 0.0),
        within_one_step=_share_within(units, step),
        shift=_mean([second - first for first, second in units]),
    )


def _reader_agreement(
    username: str, first: dict[int, dict[str, float]], pairs: Sequence[tuple[_Said, _Said]], step: float
) -> ReaderAgreement:
    shared = [values for values in first.values() if username in values and len(values) >= 2]
    offsets = [
        values[username] - fmean(value for name, value in values.items() if name != username) for values in shared
    ]
    return ReaderAgreement(username, len(shared), _mean(offsets), _repeats(pairs, step))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


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
