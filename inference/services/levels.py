"""How likely each level of a scale is, by what a model said of an Image."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from inference.mediqa.heads.ordinal import level_probabilities
from inference.mediqa.heads.uncertainty import INTERVAL_LEVEL
from inference.models import CriterionPrediction

REACH = NormalDist().inv_cdf((1 + INTERVAL_LEVEL) / 2)  # standard deviations from the mean to an end of the interval


@dataclass(frozen=True)
class LevelChance:
    """A level of the scale, what it means in words ("" where nobody wrote it), and how likely it is, 0..1."""

    value: float
    text: str
    probability: float


def level_chances(said: CriterionPrediction) -> list[LevelChance]:
    """Return all levels of the scale, ascending; their probabilities add up to 1. Of a long scale there are none.

    They are those of a normal value around the predicted one whose 90 % interval is the stated one, so that both say
    the same; where the scale cuts the interval at one end, its other end counts.
    """
    criterion = said.criterion
    if not criterion.has_short_scale:
        return []
    deviation = max(said.upper - said.quality, said.quality - said.lower) / REACH
    (probabilities,) = level_probabilities([said.quality], [deviation], criterion.levels)
    return [
        LevelChance(value, criterion.anchor_text(value), float(probability))
        for value, probability in zip(criterion.levels, probabilities, strict=True)
    ]
