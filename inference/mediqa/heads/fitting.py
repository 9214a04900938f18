"""What can be fitted and how: the guards and the settings of a fine-tuning. numpy only, for web processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.mediqa.errors import ConstantScore, FittingError, TooFewScores
from inference.mediqa.types import DoubleArray, Scale

AUTO, CLOSED_FORM, TOKEN = "auto", "closed_form", "token"
HEADS = (AUTO, CLOSED_FORM, TOKEN)


@dataclass(frozen=True)
class FitConfig:
    """How heads are fitted; stored with the run. head: one of ``HEADS``."""

    epochs: int = 120
    batch: int = 32
    members: int = 5
    hidden: int = 32
    learning_rate: float = 2e-3
    beta: float = 0.5  # of the beta-NLL
    rank_weight: float = 0.3
    pull: float = 2e-3  # towards the prior, or towards zero without one
    minimum_scores: int = 8
    head: str = AUTO

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def check_targets(targets: Mapping[str, DoubleArray], *, minimum_scores: int) -> None:
    """Raise TooFewScores or ConstantScore for the first Criterion that can't be learnt. Needs no features."""
    if not targets:
        raise FittingError("There is no Criterion to fit.")
    for key, values in targets.items():
        known = np.asarray(values, dtype=np.float64)
        known = known[np.isfinite(known)]
        if len(known) < minimum_scores:
            raise TooFewScores(
                key, len(known), f"{key}: {len(known)} images have a score; at least {minimum_scores} are needed."
            )
        if float(known.min()) == float(known.max()):
            raise ConstantScore(key, len(known), f"{key}: all {len(known)} images have the same score.")


def unit_targets(count: int, targets: Mapping[str, DoubleArray], scales: Mapping[str, Scale]) -> DoubleArray:
    """Return [n, Q] on 0..1 with NaN; raises FittingError for wrong lengths, scales or values."""
    columns = []
    for key, values in targets.items():
        if key not in scales:
            raise FittingError(f"{key}: no scale was given.")
        if len(values) != count:
            raise FittingError(f"{key}: {len(values)} targets for {count} images.")
        unit = (np.asarray(values, dtype=np.float64) - scales[key].minimum) / scales[key].span
        known = unit[np.isfinite(unit)]
        if len(known) and (known.min() < -1e-6 or known.max() > 1 + 1e-6):
            raise FittingError(f"{key}: a score lies outside the scale.")
        columns.append(unit)
    return np.stack(columns, axis=1) if columns else np.zeros((count, 0))
