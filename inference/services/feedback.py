"""What a reader is told of an Image after their submission, where the Project allows it. Never before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotations.models import Criterion, ProjectImage, Purpose, Reading, Score, User, fed_back_to
from inference.errors import NoFeedback
from inference.models import CriterionPrediction, ModelVersion, Prediction


@dataclass(frozen=True)
class CriterionFeedback:
    """own: the reader's Score, None where they abstained. others: of the other readers, how many gave each value.

    predicted: of the production model; None where it has not scored the Image, or not on this Criterion.
    """

    criterion: Criterion
    own: float | None
    others: Mapping[float, int]
    predicted: CriterionPrediction | None


@dataclass(frozen=True)
class Feedback:
    prediction: Prediction | None
    criteria: tuple[CriterionFeedback, ...]


def feedback_on(*, reading: Reading, reader: User) -> Feedback:
    """On the reader's own Reading, in the order of its Rubric.

    Raises:
        NoFeedback: the Project shows none, or the reader has still to read the Image, here or elsewhere.
    """
    rows = ProjectImage.objects.filter(fed_back_to(reader), project=reading.project_id, image=reading.image_id)
    if reading.reader_id != reader.pk or not rows.exists():
        raise NoFeedback
    version = ModelVersion.objects.production(reading.project)
    predictions = Prediction.objects.fed_back_to(reader).filter(model_version=version, image=reading.image_id)
    prediction = predictions.select_related("model_version", "image").first()
    criteria = (_on_criterion(one, reading, prediction) for one in reading.rubric.criteria.all())
    return Feedback(prediction, tuple(criteria))


def _on_criterion(criterion: Criterion, reading: Reading, prediction: Prediction | None) -> CriterionFeedback:
    alike = Criterion.objects.asking_the_same_as(criterion)
    own = reading.scores.filter(criterion=criterion).first()
    predicted = prediction.criteria.filter(criterion__in=alike).first() if prediction else None
    return CriterionFeedback(criterion, own.value if own else None, _others(alike, reading), predicted)


def _others(alike: QuerySet[Criterion], reading: Reading) -> dict[float, int]:
    """How many gave which Score, each once: at the first reading."""
    counted = Reading.objects.of(reading.project).counted().filter(image=reading.image_id)
    counted = counted.exclude(assignment__purpose=Purpose.REPEAT)
    scores = Score.objects.filter(criterion__in=alike, reading__in=counted.exclude(reader=reading.reader_id))
    return dict(scores.order_by("value").values("value").annotate(count=Count("pk")).values_list("value", "count"))
