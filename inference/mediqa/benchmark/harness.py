"""Runs every method on every split and measures; the same seed gives the same numbers (but for seconds)."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.mediqa.benchmark.baselines import Judged, Method
from inference.mediqa.benchmark.material import PRETRAINED, Material
from inference.mediqa.benchmark.measures import (
    accuracy,
    auroc,
    ause,
    levels_of,
    local_coverage,
    nominal_coverage,
    rounded,
    weighted_kappa,
)
from inference.mediqa.benchmark.sets import Split
from inference.mediqa.errors import MediqaError
from inference.mediqa.heads.closed_form import fit_closed_form
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.metrics import METRICS, plcc, srocc
from inference.mediqa.physics import physical_parameters
from inference.mediqa.predictor import Predictor
from inference.mediqa.reporting import Report
from inference.mediqa.types import DoubleArray, FloatArray, IndexArray, Prompt, Scale

LEAST_OF_MODALITY = 10  # images of a modality for a number of its own
LEAST_LEFT_OUT = 10
CRITERION = "score"
ALWAYS = (*METRICS, "sum", "local_coverage", "seconds")  # measures that every method has
QUICK = FitConfig(epochs=1)  # where only the distance is asked for
Numbers = dict[str, float]


@dataclass(frozen=True)
class Summary:
    """Mean and spread (standard deviation) over the splits where the number exists."""

    mean: float
    std: float
    splits: int


@dataclass
class Result:
    """One method: each measure by split, and each modality's SROCC by split.

    A measure that does not exist on a split is NaN. failures: why the method failed, for each split where it did.
    """

    method: str
    about: str
    measures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    modalities: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    @property
    def splits(self) -> int:
        """How often it was run."""
        return max((len(values) for values in self.measures.values()), default=0)

    def add(self, measures: Numbers, modalities: Numbers) -> None:
        """Add the next split."""
        before = self.splits
        for name in {**self.measures, **measures}:
            own = self.measures[name]
            own += [math.nan] * (before - len(own)) + [measures.get(name, math.nan)]
        for name, value in modalities.items():
            self.modalities[name].append(value)

    def summary(self, measure: str) -> Summary:
        """Return a measure's summary; NaN where it exists on no split."""
        return summarised(self.measures.get(measure, ()))

    @classmethod
    def joined(cls, results: Sequence[Result]) -> Result:
        """Return what one method did on the splits of several draws."""
        first = results[0]
        return cls(
            first.method,
            first.about,
            _chained([one.measures for one in results]),
            _chained([one.modalities for one in results]),
            [reason for one in results for reason in one.failures],
        )

    def to_document(self) -> dict[str, Any]:
        """Return JSON values; null for what has no number."""
        return {
            "method": self.method,
            "about": self.about,
            "measures": {name: _documented(values) for name, values in self.measures.items()},
            "srocc_by_modality": {name: _documented(values) for name, values in self.modalities.items()},
            "failures": self.failures,
        }


def _chained(parts: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Put the values of each name one after the other."""
    whole: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        for name, values in part.items():
            whole[name] += values
    return whole


def summarised(values: Sequence[float]) -> Summary:
    """Return mean and spread of the finite values."""
    known = np.array([value for value in values if math.isfinite(value)])
    if not len(known):
        return Summary(math.nan, math.nan, 0)
    return Summary(float(known.mean()), float(known.std()), len(known))


def _documented(values: Sequence[float]) -> dict[str, Any]:
    one = summarised(values)
    finite = [value if math.isfinite(value) else None for value in values]
    return {
        "mean": one.mean if one.splits else None,
        "std": one.std if one.splits else None,
        "splits": finite,
    }


def run_methods(
    methods: Sequence[Method], material: Material, splits: Sequence[Split], *, seed: int, report: Report
) -> list[Result]:
    """Fit and judge; ``report`` hears of each method on each split. One that fails keeps back no other."""
    results = [Result(method.name, method.about) for method in methods]
    for number, split in enumerate(splits):
        train, test = material.pick(split.train), material.pick(split.test)
        for method, result in zip(methods, results, strict=True):
            outcome = _added(result, method, train, test, seed + number)
            report(f"split {number + 1} of {len(splits)}: {method.name}, {outcome}")
    return results


def _added(result: Result, method: Method, train: Material, test: Material, seed: int) -> str:
    """Add what the method does on a split, or why it does nothing; return it in words."""
    try:
        judged, seconds = _run(method, train, test, seed)
        measured = measure(judged, test, seed=seed) | {"seconds": seconds}
    except Exception as error:  # whatever it is, the other methods are worth their time
        reason = str(error) if isinstance(error, MediqaError) else f"{type(error).__name__}: {error}"
        result.failures.append(reason)
        result.add(dict.fromkeys(ALWAYS, math.nan), {})
        return f"failed: {reason}"
    result.add(measured, by_modality(judged.mean, test))
    return f"{seconds:.1f} s, SROCC {measured['srocc']:.3f}"


def _run(method: Method, train: Material, test: Material, seed: int) -> tuple[Judged, float]:
    """``seconds`` are of the processor: the same on a busy machine."""
    begun = time.process_time()
    judge = method.fit(train, seed)
    seconds = time.process_time() - begun
    return judge(test), seconds


def measure(judged: Judged, test: Material, *, seed: int) -> Numbers:
    """Return all measures of one method on one split; NaN for what does not exist."""
    mean, target = judged.mean, test.target
    numbers = {name: metric(mean, target) for name, metric in METRICS.items()}
    numbers["sum"] = abs(numbers["plcc"]) + abs(numbers["srocc"]) + abs(numbers["krocc"])
    std = np.ones(len(mean)) if judged.std is None else judged.std
    numbers["local_coverage"] = local_coverage(mean, std, target, seed=seed)
    if judged.std is not None:
        numbers["nominal_coverage"] = nominal_coverage(mean, std, target)
        numbers["ause"] = ause(std, mean - target)
    levels = levels_of(target)
    if levels is not None:
        classes = rounded(mean, levels)
        numbers |= {"accuracy": accuracy(classes, target), "kappa": weighted_kappa(classes, target, levels)}
    return numbers


def by_modality(mean: DoubleArray, test: Material) -> Numbers:
    """Return the SROCC of each modality with enough images."""
    names = np.array(test.modalities)
    return {
        str(name): srocc(mean[names == name], test.target[names == name])
        for name in np.unique(names)
        if (names == name).sum() >= LEAST_OF_MODALITY
    }


@dataclass(frozen=True)
class Strange:
    """How well a modality that no head has seen is told from new images of the others, by split.

    with_prompt: as the platform does it; by_embedding: the modality of every image made unknown to the distance.
    """

    with_prompt: dict[str, list[float]]
    by_embedding: dict[str, list[float]]

    @classmethod
    def joined(cls, parts: Sequence[Strange]) -> Strange:
        """Return what was told on the splits of several draws."""
        return cls(_chained([one.with_prompt for one in parts]), _chained([one.by_embedding for one in parts]))

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "with_prompt": {name: _documented(values) for name, values in self.with_prompt.items()},
            "by_embedding": {name: _documented(values) for name, values in self.by_embedding.items()},
        }


def leave_modalities_out(material: Material, splits: Sequence[Split], scale: Scale, *, seed: int) -> Strange:
    """For each modality, fit the default head without it and compare distances; [0.5: no better than chance]."""
    strange = Strange(defaultdict(list), defaultdict(list))
    names = np.array(material.modalities)
    for name in np.unique(names):
        if name == "unknown":
            continue
        for split in splits:
            sides = _sides(names, split, str(name))
            if min(len(sides.train), len(sides.ordinary), len(sides.left_out)) >= LEAST_LEFT_OUT:
                told, blind = _separation(material, sides, scale, seed)
                strange.with_prompt[str(name)].append(told)
                strange.by_embedding[str(name)].append(blind)
    return strange


def _sides(names: npt.NDArray[np.str_], split: Split, left_out: str) -> _Sides:
    """Ordinary are new images of modalities that the head has seen."""
    train = split.train[names[split.train] != left_out]
    return _Sides(train, split.test[np.isin(names[split.test], names[train])], np.flatnonzero(names == left_out))


@dataclass(frozen=True)
class _Sides:
    """Rows of images to learn from, of ordinary new ones, and of the modality that was left out."""

    train: IndexArray
    ordinary: IndexArray
    left_out: IndexArray


def _separation(material: Material, rows: _Sides, scale: Scale, seed: int) -> tuple[float, float]:
    train = material.pick(rows.train)
    if np.ptp(train.target) == 0:
        return math.nan, math.nan
    result = []
    for is_told in (True, False):
        heads = fit_closed_form(
            train.features[PRETRAINED], {CRITERION: train.target}, {CRITERION: scale},
            prompts=_prompts(train, is_told=is_told), groups=train.groups, config=QUICK, seed=seed,
        )  # fmt: skip
        ordinary, left_out = (
            _distances(heads.distance, material.pick(side), is_told=is_told) for side in (rows.ordinary, rows.left_out)
        )
        result.append(auroc(ordinary, left_out))
    return result[0], result[1]


def _distances(distance: Callable[..., FloatArray], side: Material, *, is_told: bool) -> FloatArray:
    return distance(side.features[PRETRAINED], _prompts(side, is_told=is_told))


def _prompts(material: Material, *, is_told: bool) -> list[Prompt]:
    return list(material.prompts) if is_told else [Prompt()] * len(material)


def physical_correlations(predictor: Predictor, material: Material, rows: Sequence[int]) -> dict[str, Numbers]:
    """Return modality -> parameter -> Pearson's r of predicted with true parameters; {} without true ones.

    Parameters that are positive throughout are compared by their logarithm. Copies that are spoilt in other ways, or
    not at all, are among them, as in use.
    """
    if not material.severities:
        return {}
    images = material.pick(np.asarray(rows, dtype=np.int64))
    scored = predictor.score(images.features[PRETRAINED], prompts=images.prompts, scales={CRITERION: Scale(0.0, 1.0)})
    predicted, true = defaultdict(list), defaultdict(list)
    for one, severities, modality in zip(scored, images.severities, images.modalities, strict=True):
        known = physical_parameters(_complete(predictor, severities), modality)
        for name in one.physical.keys() & known.keys():
            predicted[modality, name].append(one.physical[name])
            true[modality, name].append(known[name])
    found: dict[str, Numbers] = defaultdict(dict)
    for (modality, name), values in sorted(predicted.items()):
        if len(values) >= LEAST_OF_MODALITY:
            found[modality][name] = _correlation(np.array(values), np.array(true[modality, name]))
    return dict(found)


def _complete(predictor: Predictor, severities: Mapping[str, float]) -> dict[str, float]:
    """Severity 0 for every kind that was not applied."""
    return dict.fromkeys(predictor.config.kinds, 0.0) | dict(severities)


def _correlation(predicted: DoubleArray, true: DoubleArray) -> float:
    if min(predicted.min(), true.min()) > 0:
        return plcc(np.log(predicted), np.log(true))
    return plcc(predicted, true)
