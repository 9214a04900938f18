"""How well a model orders degraded copies of images that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.metrics import Interval, bootstrap_interval, plcc, rmse, srocc
from inference.mediqa.predictor import Predictor
from inference.mediqa.simulation import degraded_copies, image_of, quality_of
from inference.mediqa.sources import SourceSlice
from inference.mediqa.types import DoubleArray, PreparedImage, Scale

CRITERION = "quality"
CHUNK = 32


@dataclass(frozen=True)
class Evaluation:
    """Numbers on degraded copies; ``within`` is the mean SROCC among the copies of one slice."""

    images: int
    copies: int
    srocc: Interval
    plcc: Interval
    rmse: float
    within: float
    by_modality: dict[str, float]
    by_source: dict[str, float]

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the numbers as text."""
        return [
            f"held out: {self.images} slices, {self.copies} copies",
            f"SROCC {self.srocc.value:.3f} [{self.srocc.lower:.3f}, {self.srocc.upper:.3f}]",
            f"PLCC  {self.plcc.value:.3f} [{self.plcc.lower:.3f}, {self.plcc.upper:.3f}]",
            f"RMSE  {self.rmse:.3f} (scale 0 to 1)",
            f"SROCC among the copies of one slice, mean {self.within:.3f}",
            *(f"SROCC {name}: {value:.3f}" for name, value in self.by_modality.items()),
            *(f"SROCC source {name}: {value:.3f}" for name, value in self.by_source.items()),
        ]


def evaluate_predictor(
    predictor: Predictor, slices: Sequence[SourceSlice], *, seed: int = 0, copies: int = 8
) -> Evaluation:
    """Degrade each slice, score the copies with the prior as any 2-D image is scored, and compare.

    Raises ValueError where no slice could be scored.
    """
    prepared: list[PreparedImage] = []
    truth: list[float] = []
    owners: list[int] = []
    for index, item in enumerate(slices):
        rng = np.random.default_rng((seed, 7, index))
        for pixels, severities in degraded_copies(item, copies, rng):
            try:
                prepared.append(predictor.prepare(image_of(item, pixels)))
            except UnscorableImage:
                continue
            truth.append(quality_of(list(severities.values())))
            owners.append(index)
    if not truth:
        raise ValueError("No image could be scored.")
    predicted = _scores(predictor, prepared)
    return _summary(np.array(predicted), np.array(truth), np.array(owners), slices, seed)


def _scores(predictor: Predictor, prepared: Sequence[PreparedImage]) -> list[float]:
    scores = []
    for start in range(0, len(prepared), CHUNK):
        chunk = prepared[start : start + CHUNK]
        scored = predictor.score(
            predictor.encode_prepared(chunk),
            prompts=[one.prompt for one in chunk],
            scales={CRITERION: Scale(0.0, 1.0)},
        )
        scores += [one.scores[CRITERION].quality for one in scored]
    return scores


def _summary(
    predicted: DoubleArray,
    truth: DoubleArray,
    owners: np.ndarray[Any, Any],
    slices: Sequence[SourceSlice],
    seed: int,
) -> Evaluation:
    modalities = np.array([slices[owner].prompt.modality for owner in owners])
    sources = np.array([slices[owner].source for owner in owners])
    within = [srocc(predicted[owners == owner], truth[owners == owner]) for owner in np.unique(owners)]

    def by(names: np.ndarray[Any, Any]) -> dict[str, float]:
        return {str(name): srocc(predicted[names == name], truth[names == name]) for name in np.unique(names)}

    return Evaluation(
        images=len(np.unique(owners)),
        copies=len(truth),
        srocc=bootstrap_interval(srocc, predicted, truth, seed=seed),
        plcc=bootstrap_interval(plcc, predicted, truth, seed=seed),
        rmse=rmse(predicted, truth),
        within=float(np.nanmean(within)),
        by_modality=by(modalities),
        by_source=by(sources),
    )
