"""What the intervals of a fine-tuned model are calibrated on.

A split-conformal interval holds for Images that come as those came on which it was calibrated. What a selection chose
comes otherwise: it was looked for because the model is unsure of it, or because nothing like it had been read. So the
validation Images that were drawn at random count, wherever there are enough of them.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.mediqa.heads.uncertainty import INTERVAL_LEVEL, residuals_needed
from inference.mediqa.types import DoubleArray
from inference.services.contracts import ScoredFeatures

LEAST_IMAGES = residuals_needed(INTERVAL_LEVEL)
RANDOM, ALL = "random", "all"


@dataclass(frozen=True)
class IntervalSample:
    """The validation Images, with scores (nan for all others) where they count for a Criterion's intervals.

    origins: of each Criterion `from` ("random", "all") and `images`, how many count; for report and checkpoint.
    """

    scored: ScoredFeatures
    origins: Mapping[str, Mapping[str, Any]]


def interval_sample(*, validation: ScoredFeatures, at_random: Container[int]) -> IntervalSample:
    """Of each Criterion the scored Images among `at_random` where they are LEAST_IMAGES or more; else all scored."""
    is_random = np.array([image_id in at_random for image_id in validation.image_ids], dtype=np.bool_)
    targets: dict[str, DoubleArray] = {}
    origins: dict[str, Mapping[str, Any]] = {}
    for key, target in validation.targets.items():
        drawn = np.where(is_random, target, math.nan)
        is_enough = _known(drawn) >= LEAST_IMAGES
        targets[key] = drawn if is_enough else target
        origins[key] = {"from": RANDOM if is_enough else ALL, "images": _known(targets[key])}
    return IntervalSample(replace(validation, targets=targets), origins)


def _known(target: DoubleArray) -> int:
    return int(np.isfinite(target).sum())
