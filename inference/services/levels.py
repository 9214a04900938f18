"""How likely each level of a scale is, by what a model said of an Image."""

from __future__ import annotations

import math
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
    the same.
    """
    criterion = said.criterion
    if not criterion.has_short_scale:
        return []
    (probabilities,) = level_probabilities([said.quality], [_deviation(said)], criterion.levels)
    return [
        LevelChance(value, criterion.anchor_text(value), float(probability))
        for value, probability in zip(criterion.levels, probabilities, strict=True)
    ]


def _deviation(said: CriterionPrediction) -> float:
    """By the end of the interval that the scale does not cut; where it cuts both, the model's own if that is more."""
    reach = max(said.upper - said.quality, said.quality - said.lower) / REACH
    is_cut = said.lower <= said.criterion.minimum and said.upper >= said.criterion.maximum
    return max(reach, math.hypot(said.epistemic_std, said.aleatoric_std)) if is_cut else reach
