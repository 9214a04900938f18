"""How well a model orders degraded copies of images that it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.metrics import Interval, bootstrap_interval, plcc, rmse, srocc
from inference.mediqa.physics import BY_NAME, kinds_for
from inference.mediqa.predictor import Predictor
from inference.mediqa.prompt import VOCABULARY, prompt_codes
from inference.mediqa.simulation.copies import (
    Copy,
    degraded_copies,
    fidelity_of,
    image_of,
    image_of_copy,
    made,
    overall_quality,
    quality_of,
    subject_of,
)
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import DoubleArray, IndexArray, PreparedImage, Prompt, Scale

CRITERION = "quality"
CHUNK = 32
LEVELS = (0.1, 0.4, 0.7, 1.0)  # of the severities on which parameters are judged
SLICES_OF_A_MODALITY = 12


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
            f"images evaluated: {self.images} slices, {self.copies} copies",
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

    The copies have the kinds of fault that the network has learnt, and the truth is the target that it was trained
    for: a checkpoint of the first generation is older than some kinds and knows no kept structure.

    Raises ValueError where no slice could be scored.
    """
    prepared: list[PreparedImage] = []
    truth: list[float] = []
    owners: list[int] = []
    for index, item in enumerate(slices):
        rng = np.random.default_rng((seed, 7, index))
        for copy in degraded_copies(item, copies, rng, kinds=predictor.config.kinds):
            try:
                prepared.append(predictor.prepare(image_of_copy(item, copy)))
            except UnscorableImage:
                continue
            truth.append(_truth(predictor, item, copy))
            owners.append(index)
    if not truth:
        raise ValueError("No image could be scored.")
    predicted = _scores(predictor, prepared)
    return _summary(np.array(predicted), np.array(truth), np.array(owners), slices, seed)


def _truth(predictor: Predictor, item: SourceSlice, copy: Copy) -> float:
    values = list(copy.severities.values())
    if predictor.config.generation == 1:
        return quality_of(values)
    return overall_quality(values, fidelity_of(item, copy.pixels) if values else 1.0)


def parameter_correlations(
    predictor: Predictor, slices: Sequence[SourceSlice], *, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Return modality -> kind -> Pearson's r of predicted and true severity, each kind alone at four severities.

    Up to ``SLICES_OF_A_MODALITY`` slices of a modality, spread over the given ones; for kinds that need neighbours
    over those that have some.
    """
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    judged = [(index, item, False) for index, item in _spread_by_modality(slices)]
    judged += [(index, item, True) for index, item in _spread_by_modality(slices, of=_has_neighbours)]
    for index, item, needs_neighbours in judged:
        rng = np.random.default_rng((seed, 8, index))
        subject = subject_of(item)
        names = [name for name in kinds_for(subject) if BY_NAME[name].needs_neighbours is needs_neighbours]
        recipes = [{name: level} for name in names for level in LEVELS]
        pairs = _severities(predictor, item, list(made(subject, recipes, rng)))
        for severities, predicted in pairs:
            ((name, level),) = severities.items()
            found.setdefault(item.prompt.modality, {}).setdefault(name, []).append((level, predicted[name]))
    return {
        modality: {name: plcc(*np.array(pairs).T) for name, pairs in sorted(by_kind.items())}
        for modality, by_kind in sorted(found.items())
    }


def parameter_lines(correlations: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the correlations as text, one line a modality."""
    return [
        f"r of parameters {modality}: " + ", ".join(f"{name} {value:.2f}" for name, value in by_kind.items())
        for modality, by_kind in correlations.items()
    ]


def prompt_accuracy(predictor: Predictor, slices: Sequence[SourceSlice]) -> dict[str, dict[str, float]]:
    """Return factor -> ``images`` that say it, ``sure`` share that is answered, ``right`` share of these if any.

    The predictor is told nothing of the prompt. Up to ``SLICES_OF_A_MODALITY`` slices of a modality.
    """
    chosen = [item for _, item in _spread_by_modality(slices)]
    images = [image_of(replace(item, prompt=Prompt()), item.pixels) for item in chosen]
    found = np.array([one.prompt_codes for one in predictor.encode(images)])
    true = np.array([prompt_codes(item.prompt) for item in chosen])
    return {factor: _answers(found[:, column], true[:, column]) for column, factor in enumerate(VOCABULARY)}


def _answers(found: IndexArray, true: IndexArray) -> dict[str, float]:
    is_said, is_sure = true > 0, found > 0
    answered = is_said & is_sure
    counts = {"images": float(is_said.sum()), "sure": float(answered.sum() / max(is_said.sum(), 1))}
    return counts | ({"right": float((found == true)[answered].mean())} if answered.any() else {})


def prompt_lines(accuracy: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the accuracies as text, one line a factor."""
    return [
        f"prompt {factor}: sure in {one['sure']:.0%} of {one['images']:.0f} images"
        + (f", right in {one['right']:.0%} of these" if "right" in one else "")
        for factor, one in accuracy.items()
    ]


def _has_neighbours(item: SourceSlice) -> bool:
    return item.neighbours is not None and len(item.neighbours) > 0


def _spread_by_modality(
    slices: Sequence[SourceSlice], of: Callable[[SourceSlice], bool] = lambda item: True
) -> list[tuple[int, SourceSlice]]:
    chosen: list[tuple[int, SourceSlice]] = []
    for modality in sorted({item.prompt.modality for item in slices if of(item)}):
        places = [index for index, item in enumerate(slices) if item.prompt.modality == modality and of(item)]
        wanted = np.linspace(0, len(places) - 1, min(len(places), SLICES_OF_A_MODALITY)).round().astype(int)
        chosen += [(places[place], slices[places[place]]) for place in wanted]
    return chosen


def _severities(
    predictor: Predictor, item: SourceSlice, copies: Sequence[Copy]
) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Return (true, predicted) severities of the copies that can be scored."""
    prepared, truth = [], []
    for copy in copies:
        try:
            prepared.append(predictor.prepare(image_of_copy(item, copy)))
        except UnscorableImage:
            continue
        truth.append(copy.severities)
    pairs: list[tuple[dict[str, float], dict[str, float]]] = []
    for start in range(0, len(prepared), CHUNK):
        features = predictor.encode_prepared(prepared[start : start + CHUNK])
        pairs += zip(truth[start : start + CHUNK], predictor.severities(features), strict=True)
    return pairs


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
