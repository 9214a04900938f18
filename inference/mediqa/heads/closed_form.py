"""The default head: a Gaussian process under the prompt kernel, mixed with a small ensemble that ranks errors.

Both look at the image's embedding, its prompt and the prior's opinion, so that few scores go far. What each counts
for is decided on predictions of images whose group was left out. n counts images, D numbers of an embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.mediqa.checkpoint import under
from inference.mediqa.heads.ensemble import EnsembleConfig, VectorEnsemble
from inference.mediqa.heads.fitting import FitConfig, check_targets, unit_targets
from inference.mediqa.heads.gaussian_process import GaussianProcess
from inference.mediqa.heads.inputs import InputMap, Inputs
from inference.mediqa.heads.kernels import Points, Standardisation, choose_landmarks
from inference.mediqa.heads.mixing import Mix
from inference.mediqa.heads.ordinal import rectified_moments
from inference.mediqa.heads.predictions import HeadPrediction
from inference.mediqa.heads.regression import group_numbers, grouped_folds
from inference.mediqa.heads.strangeness import Strangeness
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.heads.uncertainty import interval_factor
from inference.mediqa.types import DoubleArray, Features, FloatArray, Prompt, Scale

LANDMARKS = 160
UNIT = Scale(0.0, 1.0)
OnProgress = Callable[[str, int, int, float], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class ClosedFormHeads:
    """Fitted heads of one or several Criteria.

    residuals: |score - mean| / std on images that were not fitted on, by Criterion. The prior that the heads listen
    to is the model's own and is not part of their checkpoint.
    """

    criteria: tuple[str, ...]
    scales: Mapping[str, Scale]
    inputs: InputMap
    landmarks: Points
    processes: Mapping[str, GaussianProcess]
    mixes: Mapping[str, Mix]
    ensemble: VectorEnsemble
    strangeness: Strangeness
    residuals: Mapping[str, FloatArray] = field(default_factory=dict)
    kind: ClassVar[str] = "closed_form"
    is_prior: ClassVar[bool] = False

    def predict(
        self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None
    ) -> dict[str, HeadPrediction]:
        """Return the prediction of each Criterion for n images, in the Criterion's units."""
        if not features:
            return {key: HeadPrediction(*(np.zeros(0),) * 3, *_equal_weights(features)) for key in self.criteria}
        seen = self.inputs(features, prompts)
        members = self.ensemble.predict(seen.vectors)
        weights = self._weights(features)
        predictions = {}
        for index, key in enumerate(self.criteria):
            latent = self.processes[key].predict(seen.points, seen.trends)
            mixed = self.mixes[key].combine(latent, members.mean[:, :, index], members.variance[:, :, index])
            predictions[key] = _prediction(mixed, self.scales[key], weights)
        return predictions

    def _weights(self, features: Sequence[Features]) -> tuple[DoubleArray, FloatArray]:
        """Weights of slices and patches: the prior's, or equal ones, since an embedding knows neither."""
        if self.inputs.prior is None:
            return _equal_weights(features)
        opinion = self.inputs.prior.predict(features)[self.inputs.prior.criteria[0]]
        return opinion.slice_weights, opinion.patch_weights

    def with_label(self, features: Features, prompt: Prompt, scores: Mapping[str, float]) -> ClosedFormHeads:
        """Return the heads after one more scored image, at once: the process learns it, the ensemble waits.

        Raises KeyError for a Criterion that the heads do not know.
        """
        seen = self.inputs([features], [prompt])
        processes = dict(self.processes)
        for key, score in scores.items():
            unit = (score - self.scales[key].minimum) / self.scales[key].span
            processes[key] = processes[key].with_label(seen.points, seen.trends, unit)
        return replace(self, processes=processes)

    def with_residuals(self, residuals: Mapping[str, FloatArray]) -> ClosedFormHeads:
        """Return the heads with conformal residuals."""
        return replace(self, residuals=residuals)

    def distance(self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None) -> FloatArray:
        """Return how far n images lie from the scored ones, [n]; 1.0 is what 5 % of new patients reach."""
        if not features:
            return np.zeros(0, dtype=np.float32)
        embeddings = np.stack([one.embedding for one in features])
        return self.strangeness.distance(embeddings, self.inputs.points(features, prompts).codes)

    def interval_factor(self, criterion: str, level: float) -> float:
        """Return by how many total std the interval of a Criterion reaches at ``level``."""
        return interval_factor(self.residuals.get(criterion, np.empty(0)), level)

    def to(self, device: torch.device) -> ClosedFormHeads:
        """Return the same heads: they are numpy and a few small matrices, and stay on the CPU."""
        return self

    def to_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return (tensors, JSON document)."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "shift": self.inputs.standardisation.shift,
            "gain": self.inputs.standardisation.gain,
            "directions": self.inputs.directions,
            "landmarks": self.landmarks.vectors,
            "codes": self.landmarks.codes,
        }
        arrays |= {f"strangeness.{name}": value for name, value in self.strangeness.to_tensors().items()}
        arrays |= {f"ensemble.{name}": value for name, value in self.ensemble.to_tensors().items()}
        arrays |= {f"residuals.{key}": value for key, value in self.residuals.items()}
        for key in self.criteria:
            arrays |= {f"process.{key}.{name}": value for name, value in self.processes[key].to_tensors().items()}
        document = {
            "kind": self.kind,
            "criteria": list(self.criteria),
            "scales": {key: asdict(scale) for key, scale in self.scales.items()},
            "mixes": {key: asdict(mix) for key, mix in self.mixes.items()},
            "ensemble": self.ensemble.network.shape,
            "vocabulary": list(self.inputs.vocabulary),
            "opinion": list(self.inputs.opinion),
            "listens_to_prior": self.inputs.prior is not None,
        }
        return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}, document

    @classmethod
    def from_checkpoint(
        cls, tensors: Mapping[str, Tensor], document: Mapping[str, Any], prior: HeadEnsemble | None = None
    ) -> ClosedFormHeads:
        """Read ``to_checkpoint``; raises KeyError, TypeError, ValueError or RuntimeError where parts are missing."""
        arrays = {name: value.numpy() for name, value in tensors.items()}
        if document["listens_to_prior"] and prior is None:
            raise ValueError("These heads listen to a prior, and there is none.")
        landmarks = Points(arrays["landmarks"], arrays["codes"])
        criteria = tuple(document["criteria"])
        return cls(
            criteria=criteria,
            scales={key: Scale(**values) for key, values in document["scales"].items()},
            inputs=InputMap(
                Standardisation(arrays["shift"], arrays["gain"]),
                arrays["directions"],
                tuple(document["vocabulary"]),
                prior if document["listens_to_prior"] else None,
                (float(document["opinion"][0]), float(document["opinion"][1])),
            ),
            landmarks=landmarks,
            processes={
                key: GaussianProcess.from_tensors(under(arrays, f"process.{key}."), landmarks) for key in criteria
            },
            mixes={key: Mix(**document["mixes"][key]) for key in criteria},
            ensemble=VectorEnsemble.from_tensors(under(arrays, "ensemble."), document["ensemble"]),
            strangeness=_strangeness(arrays, document, landmarks),
            residuals=under(arrays, "residuals."),
        )


def _equal_weights(features: Sequence[Features]) -> tuple[DoubleArray, FloatArray]:
    """Return [n, K] of slices and [n, K, N] of patches."""
    most = max((len(one.slice_indices) for one in features), default=1)
    tokens = features[0].tokens.shape[1] if features else 1
    slices, patches = np.zeros((len(features), most)), np.zeros((len(features), most, tokens), dtype=np.float32)
    for row, one in enumerate(features):
        kept = len(one.slice_indices)
        slices[row, :kept], patches[row, :kept] = 1 / kept, 1 / tokens
    return slices, patches


def _prediction(
    mixed: tuple[DoubleArray, DoubleArray, DoubleArray], scale: Scale, weights: tuple[DoubleArray, FloatArray]
) -> HeadPrediction:
    """Cut the distribution to the scale; both parts of the deviation shrink alike."""
    mean, epistemic, aleatoric = mixed
    total = np.sqrt(epistemic + aleatoric)
    bounded, deviation = rectified_moments(mean, total, UNIT)
    share = scale.span * np.maximum(deviation, 1e-4) / total
    return HeadPrediction(
        mean=scale.minimum + scale.span * bounded,
        epistemic_std=share * np.sqrt(epistemic),
        aleatoric_std=share * np.sqrt(aleatoric),
        slice_weights=weights[0],
        patch_weights=weights[1],
    )


def fit_closed_form(
    features: Sequence[Features],
    targets: Mapping[str, DoubleArray],
    scales: Mapping[str, Scale],
    *,
    prompts: Sequence[Prompt] | None = None,
    groups: Sequence[Hashable] | None = None,
    config: FitConfig | None = None,
    seed: int = 0,
    initial: HeadEnsemble | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> ClosedFormHeads:
    """Return heads fitted to the scores of n images; the same input and seed give the same heads.

    targets: Criterion key -> [n] in the Criterion's units, NaN without a score. groups: images of one group (a
    patient) are held out together; without, each is its own. initial: the prior to listen to.
    Raises TooFewScores, ConstantScore, FittingError before anything starts, FittingCancelled.
    """
    config = config or FitConfig()
    unit = unit_targets(len(features), targets, scales)
    check_targets(targets, minimum_scores=config.minimum_scores)
    rng = np.random.default_rng(seed)
    inputs = InputMap.fit(features, initial)
    seen = inputs(features, prompts)
    owners = group_numbers(groups, len(features))
    folds = grouped_folds(owners, config.members, rng)
    ensemble = VectorEnsemble.fit(
        seen.vectors, unit, folds, EnsembleConfig(config.epochs, config.members, config.beta), seed=seed,
        on_epoch=None if on_progress is None else partial(on_progress, "fit"), should_stop=should_stop,
    )  # fmt: skip
    landmarks = seen.points.pick(choose_landmarks(seen.points, LANDMARKS, rng))
    patches = np.stack([one.embedding[: one.patch_numbers] for one in features])
    fit = _Fit(seen, landmarks, folds, ensemble, rng)
    parts = {key: fit.criterion(index, unit[:, index]) for index, key in enumerate(targets)}
    return ClosedFormHeads(
        criteria=tuple(targets),
        scales={key: scales[key] for key in targets},
        inputs=inputs,
        landmarks=landmarks,
        processes={key: process for key, (process, _) in parts.items()},
        mixes={key: mix for key, (_, mix) in parts.items()},
        ensemble=ensemble,
        strangeness=Strangeness.fit(patches, seen.points.codes, owners, rng),
    )


@dataclass(frozen=True)
class _Fit:
    """What the Criteria of one fitting share."""

    seen: Inputs
    landmarks: Points
    folds: npt.NDArray[np.int64]
    ensemble: VectorEnsemble
    rng: np.random.Generator

    def criterion(self, index: int, unit: DoubleArray) -> tuple[GaussianProcess, Mix]:
        """Fit the process of one Criterion and find the mix on what was held out."""
        known = np.isfinite(unit)
        points, trends, target = self.seen.points.pick(known), self.seen.trends[known], unit[known]
        process = GaussianProcess.fit(points, trends, target, self.landmarks, self.rng)
        folds = self.folds[known]
        latent = process.held_out(points, trends, target, folds)
        members = self.ensemble.predict(self.seen.vectors[known])
        held_out = folds % len(members.mean), np.arange(len(target)), index
        return process, Mix.fit(latent, members.mean[held_out], members.variance[held_out], target)


def _strangeness(arrays: Mapping[str, npt.NDArray[Any]], document: Mapping[str, Any], landmarks: Points) -> Strangeness:
    """Read the strangeness; heads from before it had a space of its own measured it where the process looks."""
    own = under(arrays, "strangeness.")
    if own:
        return Strangeness.from_tensors(own)
    return Strangeness(arrays["shift"], np.diag(arrays["gain"]), landmarks, float(document["strangeness"]))
