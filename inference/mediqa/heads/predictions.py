"""What fitted heads say, and what a model needs of heads of any kind.

n counts images, K slices, N tokens of a slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.types import DoubleArray, Features, FloatArray, Prompt, Scale


@dataclass(frozen=True)
class HeadPrediction:
    """One Criterion of n images, in the Criterion's units."""

    mean: DoubleArray  # [n]
    epistemic_std: DoubleArray  # [n], disagreement of the members
    aleatoric_std: DoubleArray  # [n], spread of readers and of what the tokens can't tell
    slice_weights: DoubleArray  # [n, K], each row sums to 1
    patch_weights: FloatArray  # [n, K, N], those of a slice sum to 1

    @property
    def total_std(self) -> DoubleArray:
        return np.hypot(self.epistemic_std, self.aleatoric_std)

    def widened(self, distance: FloatArray) -> HeadPrediction:
        """Return it with less trust in strange images: beyond a distance of 1 the members' accord counts less, [n]."""
        return replace(self, epistemic_std=self.epistemic_std * np.maximum(1.0, np.asarray(distance, dtype=np.float64)))

    def scaled_residuals(self, target: FloatArray | DoubleArray) -> FloatArray:
        """Return |score - mean| / std of the images that have a score (NaN in ``target`` [n] where not)."""
        scaled = np.abs(np.asarray(target, dtype=np.float64) - self.mean) / self.total_std
        known: FloatArray = scaled[np.isfinite(target)].astype(np.float32)
        return known


class Heads(Protocol):
    """Fitted heads of one or several Criteria, of whatever kind: what a model needs of them.

    kind: their name in a checkpoint. ``prompts``: None where they are not known.
    """

    kind: ClassVar[str]

    @property
    def criteria(self) -> tuple[str, ...]: ...

    @property
    def scales(self) -> Mapping[str, Scale]: ...

    def predict(
        self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None
    ) -> dict[str, HeadPrediction]: ...

    def with_residuals(self, residuals: Mapping[str, FloatArray]) -> Heads:
        """Return the heads with conformal residuals (``residuals_of``) of images that they were not fitted on."""

    def distance(self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None) -> FloatArray:
        """Return how far n images lie from the scored ones, [n]; 1.0 is what 5 % of new patients reach."""

    def interval_factor(self, criterion: str, level: float) -> float: ...

    def to(self, device: torch.device) -> Heads: ...

    def to_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]: ...


def residuals_of(
    predictions: Mapping[str, HeadPrediction], targets: Mapping[str, FloatArray | DoubleArray]
) -> dict[str, FloatArray]:
    """Return the scaled residuals of each Criterion of ``targets``: [n] in its units, NaN where there is no score."""
    return {key: predictions[key].scaled_residuals(target) for key, target in targets.items()}
