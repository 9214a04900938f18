"""Which head a Criterion's scores deserve: the closed form, or from 800 scored images the token head if it does better.

The token head sees where in the image something lies and may learn more, but needs many scores and seconds; it is
taken where it leaves less error on groups that were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inference.mediqa.heads.closed_form import fit_closed_form
from inference.mediqa.heads.finetuning import OnProgress, ShouldStop, fit_heads
from inference.mediqa.heads.fitting import AUTO, CLOSED_FORM, HEADS, TOKEN, FitConfig, check_targets
from inference.mediqa.heads.predictions import Heads
from inference.mediqa.heads.regression import group_numbers, grouped_folds
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.metrics import rmse
from inference.mediqa.types import DoubleArray, Features, IndexArray, Prompt, Scale

TOKEN_FROM = 800  # scored images of every Criterion
FOLDS = 3
TRIAL_MEMBERS = 2  # of either head, so that a comparison costs about one fitting of the token head


@dataclass(frozen=True)
class HeadChoice:
    """Which head was fitted and why. errors: head -> held-out RMSE as a share of the scale, mean over Criteria."""

    head: str
    reason: str
    errors: Mapping[str, float] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"head": self.head, "reason": self.reason, "held_out_error": dict(self.errors)}


@dataclass(frozen=True)
class ScoredImages:
    """n images with scores: what heads are fitted to. targets: Criterion key -> [n], NaN without a score.

    groups: images of one group (a patient) are held out together; None: each is its own.
    """

    features: Sequence[Features]
    prompts: Sequence[Prompt]
    targets: Mapping[str, DoubleArray]
    scales: Mapping[str, Scale]
    groups: Sequence[Hashable] | None = None

    def __len__(self) -> int:
        return len(self.features)

    def pick(self, rows: IndexArray) -> ScoredImages:
        return ScoredImages(
            features=[self.features[row] for row in rows],
            prompts=[self.prompts[row] for row in rows],
            targets={key: np.asarray(values)[rows] for key, values in self.targets.items()},
            scales=self.scales,
            groups=None if self.groups is None else [self.groups[row] for row in rows],
        )


def fit_chosen(
    images: ScoredImages,
    *,
    config: FitConfig | None = None,
    seed: int = 0,
    initial: HeadEnsemble | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[Heads, HeadChoice]:
    """Return fitted heads and why they are of their kind; ``config.head`` may ask for one kind.

    Raises ValueError for an unknown kind, and what ``fit_heads`` and ``fit_closed_form`` raise.
    """
    config = config or FitConfig()
    if config.head not in HEADS:
        raise ValueError(f"head is one of {', '.join(HEADS)}, not {config.head!r}.")
    check_targets(images.targets, minimum_scores=config.minimum_scores)
    fitting = _Fitting(config, seed, initial, on_progress, should_stop)
    choice = _choose(images, fitting)
    return fitting.fit(choice.head, images, on_progress), choice


@dataclass(frozen=True)
class _Fitting:
    """How every head of one run is fitted."""

    config: FitConfig
    seed: int
    initial: HeadEnsemble | None
    on_progress: OnProgress | None
    should_stop: ShouldStop | None

    def fit(self, head: str, images: ScoredImages, on_progress: OnProgress | None) -> Heads:
        if head == TOKEN:
            return fit_heads(
                images.features, images.targets, images.scales, config=self.config, seed=self.seed,
                initial=self.initial, on_progress=on_progress, should_stop=self.should_stop,
            )  # fmt: skip
        return fit_closed_form(
            images.features, images.targets, images.scales, prompts=images.prompts, groups=images.groups,
            config=self.config, seed=self.seed, initial=self.initial, on_progress=on_progress,
            should_stop=self.should_stop,
        )  # fmt: skip

    def held_out_error(self, head: str, images: ScoredImages, folds: IndexArray) -> float:
        """Return the RMSE on left-out groups as a share of the scale, mean over Criteria and folds."""
        trial = replace(self, config=replace(self.config, members=min(self.config.members, TRIAL_MEMBERS)))
        numbers = np.unique(folds)
        errors = []
        for number, fold in enumerate(numbers, start=1):
            phase = f"{head} head, trial {number} of {len(numbers)}"
            rest, held = images.pick(np.flatnonzero(folds != fold)), images.pick(np.flatnonzero(folds == fold))
            errors += _errors(trial.fit(head, rest, self._renamed(phase)), held)
        return float(np.mean(errors))

    def _renamed(self, phase: str) -> OnProgress | None:
        told = self.on_progress
        if told is None:
            return None
        report: Callable[..., None] = told
        return lambda _phase, step, total, loss: report(phase, step, total, loss)


def _choose(images: ScoredImages, fitting: _Fitting) -> HeadChoice:
    if fitting.config.head != AUTO:
        return HeadChoice(fitting.config.head, "The run's configuration asks for it.")
    fewest = min(int(np.isfinite(values).sum()) for values in images.targets.values())
    if fewest < TOKEN_FROM:
        return HeadChoice(CLOSED_FORM, f"{fewest} images have scores; the token head is tried from {TOKEN_FROM}.")
    folds = grouped_folds(group_numbers(images.groups, len(images)), FOLDS, np.random.default_rng(fitting.seed))
    if len(np.unique(folds)) < 2:
        return HeadChoice(CLOSED_FORM, "All images belong to one group: nothing can be held out to compare heads.")
    errors = {head: fitting.held_out_error(head, images, folds) for head in (CLOSED_FORM, TOKEN)}
    better = TOKEN if errors[TOKEN] < errors[CLOSED_FORM] else CLOSED_FORM
    return HeadChoice(better, _comparison(better, errors, len(np.unique(folds))), errors)


def _comparison(better: str, errors: Mapping[str, float], folds: int) -> str:
    names = {CLOSED_FORM: "closed form", TOKEN: "token head"}
    values = ", ".join(f"{names[head]} {error:.4f}" for head, error in errors.items())
    return (
        f"Held-out error over {folds} folds of groups, as a share of the scale: {values}; the {names[better]} is taken."
    )


def _errors(heads: Heads, held: ScoredImages) -> list[float]:
    predictions = heads.predict(held.features, held.prompts)
    errors = []
    for key, target in held.targets.items():
        known = np.isfinite(target)
        if known.any():
            errors.append(rmse(predictions[key].mean[known], target[known]) / held.scales[key].span)
    return errors
