"""Old against new on test Images that neither has learnt from: the report, and the gate that it decides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext_noop

from annotations.models import Criterion
from inference.mediqa.metrics import (
    HIGHER_IS_BETTER,
    METRICS,
    Metric,
    PairedDifference,
    bootstrap_interval,
    coverage_curve,
    paired_bootstrap,
    rmse,
)
from inference.mediqa.types import CriterionScore, DoubleArray, Scored

LEVEL = 0.95
RESAMPLES = 1000
GATE_CRITERION = gettext_noop(
    "On the test images the candidate's error (RMSE as a share of the scale, mean over the criteria) "
    "is not larger than that of the version in production."
)
# Of the candidate's error: smaller than, equal to, larger than the other's.
GATE_REASONS = {
    -1: gettext_noop("Error %(new)s, smaller than production's %(old)s, on %(images)s test images."),
    0: gettext_noop("Error %(new)s, equal to production's %(old)s, on %(images)s test images."),
    1: gettext_noop("Error %(new)s, larger than production's %(old)s, on %(images)s test images."),
}


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same n test Images.

    targets: Criterion key -> Consensus [n], nan where there is none. patients: [n], whom each Image is of; intervals
    are drawn from patients, since the Images of one err alike. is_random: which of them were drawn at random to be read
    (none is known to be, where it is empty).
    """

    old: Sequence[Scored]
    new: Sequence[Scored]
    targets: Mapping[str, DoubleArray]
    patients: Sequence[str]
    criteria: Sequence[Criterion]
    seed: int
    is_random: Sequence[bool] = ()

    def at_random(self) -> Comparison:
        """On those test Images alone that were drawn at random."""
        rows = [row for row, is_random in enumerate(self.is_random) if is_random]
        return replace(
            self,
            old=[self.old[row] for row in rows],
            new=[self.new[row] for row in rows],
            targets={key: target[rows] for key, target in self.targets.items()},
            patients=[self.patients[row] for row in rows],
            is_random=[True] * len(rows),
        )


@dataclass(frozen=True)
class Measured:
    """One version on the m Images that have a Consensus on one Criterion, each [m]."""

    quality: DoubleArray
    std: DoubleArray
    lower: DoubleArray
    upper: DoubleArray


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn: from which patients [m], with which seed."""

    patients: Sequence[str]
    seed: int

    def interval(self, metric: Metric, measured: Measured, target: DoubleArray) -> dict[str, float]:
        found = bootstrap_interval(
            metric, measured.quality, target, seed=self.seed, level=LEVEL, resamples=RESAMPLES, groups=self.patients
        )
        return {"value": found.value, "lower": found.lower, "upper": found.upper}

    def difference(self, metric: Metric, old: Measured, new: Measured, target: DoubleArray) -> PairedDifference:
        return paired_bootstrap(
            metric,
            old.quality,
            new.quality,
            target,
            seed=self.seed,
            level=LEVEL,
            resamples=RESAMPLES,
            groups=self.patients,
        )


def compare(comparison: Comparison) -> dict[str, Any]:
    """`criteria`, `gate` and `at_random` of a run's report (JSON; null where a figure does not exist).

    No Image is named.
    """
    report: dict[str, Any] = without_nan(
        {
            "level": LEVEL,
            "criteria": {criterion.key: _criterion(comparison, criterion) for criterion in comparison.criteria},
            "gate": gate(comparison),
            "at_random": _errors(comparison.at_random()),
        }
    )
    return report


def gate(comparison: Comparison) -> dict[str, Any]:
    """Whether the candidate may be promoted, and why (not). What cannot be measured does not pass."""
    errors = _errors(comparison)
    old, new = errors["old"], errors["new"]
    is_passed = math.isfinite(new) and math.isfinite(old) and new <= old
    return {
        "criterion": GATE_CRITERION,
        "passed": is_passed,
        "reason": _reason(old, new, len(comparison.new)),
        **errors,
    }


def _errors(comparison: Comparison) -> dict[str, Any]:
    return {
        "images": len(comparison.new),
        "old": _mean_error(comparison, comparison.old),
        "new": _mean_error(comparison, comparison.new),
    }


def _reason(old: float, new: float, images: int) -> str:
    if not (math.isfinite(old) and math.isfinite(new)):
        return gettext_noop("The error cannot be measured: the test images have no scores.")
    sentence = GATE_REASONS[(new > old) - (new < old)]
    return sentence % {"new": f"{new:.3f}", "old": f"{old:.3f}", "images": images}


def _mean_error(comparison: Comparison, scored: Sequence[Scored]) -> float:
    errors = []
    for criterion in comparison.criteria:
        measured, target = _measured(comparison, scored, criterion.key)
        errors.append(rmse(measured.quality, target) / (criterion.maximum - criterion.minimum))
    return float(np.mean(errors)) if errors else math.nan


def _measured(comparison: Comparison, scored: Sequence[Scored], key: str) -> tuple[Measured, DoubleArray]:
    target = np.asarray(comparison.targets[key], dtype=np.float64)
    scores: list[CriterionScore] = [
        one.scores[key] for one, value in zip(scored, target, strict=True) if math.isfinite(value)
    ]
    measured = Measured(
        quality=np.array([score.quality for score in scores], dtype=np.float64),
        std=np.array([math.hypot(score.epistemic_std, score.aleatoric_std) for score in scores], dtype=np.float64),
        lower=np.array([score.lower for score in scores], dtype=np.float64),
        upper=np.array([score.upper for score in scores], dtype=np.float64),
    )
    return measured, target[np.isfinite(target)]


def _criterion(comparison: Comparison, criterion: Criterion) -> dict[str, Any]:
    old, target = _measured(comparison, comparison.old, criterion.key)
    new, _ = _measured(comparison, comparison.new, criterion.key)
    is_scored = np.isfinite(np.asarray(comparison.targets[criterion.key], dtype=np.float64))
    patients = [patient for patient, is_known in zip(comparison.patients, is_scored, strict=True) if is_known]
    resampling = Resampling(patients, comparison.seed)
    return {
        "question": criterion.question,
        "minimum": criterion.minimum,
        "maximum": criterion.maximum,
        "test_images": len(target),
        "test_patients": len(set(patients)),
        "metrics": {name: _metric(name, old, new, target, resampling) for name in METRICS},
        "scatter": _scatter(old, new, target),
        "calibration": {
            "old": [asdict(point) for point in coverage_curve(old.quality, old.std, target)],
            "new": [asdict(point) for point in coverage_curve(new.quality, new.std, target)],
        },
    }


def _metric(name: str, old: Measured, new: Measured, target: DoubleArray, resampling: Resampling) -> dict[str, Any]:
    metric = METRICS[name]
    difference = resampling.difference(metric, old, new, target)
    below = difference.share_below_zero
    return {
        "old": resampling.interval(metric, old, target),
        "new": resampling.interval(metric, new, target),
        "difference": {
            "value": difference.value,
            "lower": difference.lower,
            "upper": difference.upper,
            "probability_worse": below if HIGHER_IS_BETTER[name] else 1.0 - below,
        },
    }


def _scatter(old: Measured, new: Measured, target: DoubleArray) -> list[dict[str, float]]:
    """One point for each test Image, sorted by what it shows, so that the order names nobody."""
    points = [
        {
            "consensus": float(target[index]),
            "old": float(old.quality[index]),
            "new": float(new.quality[index]),
            "new_lower": float(new.lower[index]),
            "new_upper": float(new.upper[index]),
        }
        for index in range(len(target))
    ]
    return sorted(points, key=lambda point: (point["consensus"], point["new"]))


def without_nan(value: Any) -> Any:
    """The same JSON value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
