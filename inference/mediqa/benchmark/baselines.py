"""The methods of the table. Each is fitted to one Material and judges another.

A method that another file builds (a profile of the network, say) joins by one entry in the list that
``standard_methods`` returns, with ``is_costly`` where it is to run only on ``--include``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inference.mediqa.benchmark.features import NATURAL_SCENE
from inference.mediqa.benchmark.finetune import FineTune
from inference.mediqa.benchmark.material import PRETRAINED, RANDOM, Material
from inference.mediqa.heads.closed_form import LANDMARKS, ClosedFormHeads, fit_closed_form
from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.gaussian_process import GaussianProcess
from inference.mediqa.heads.kernels import Standardisation, choose_landmarks
from inference.mediqa.heads.mixing import Mix
from inference.mediqa.heads.predictions import HeadPrediction
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import PROFILES
from inference.mediqa.predictor import Predictor
from inference.mediqa.preprocessing import PreprocessingConfig
from inference.mediqa.types import DoubleArray, Prompt, Scale

CRITERION = "score"
RIDGES = np.geomspace(1e-3, 1e4, 15)
WIDTHS = (0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Judged:
    """What a method says of n images: [n] scores and their std; None where it states none."""

    mean: DoubleArray
    std: DoubleArray | None = None


Judge = Callable[[Material], Judged]


class Method(Protocol):
    """name: in the table; about: one line for the documentation; is_costly: runs only where it is asked for."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def is_costly(self) -> bool: ...

    def fit(self, train: Material, seed: int) -> Judge: ...


@dataclass(frozen=True)
class Constant:
    """The mean of the training scores: what knowing nothing gives."""

    name: str = "constant"
    about: str = "mean of the training scores"
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        mean = float(train.target.mean())
        return lambda test: Judged(np.full(len(test), mean))


@dataclass(frozen=True)
class SignalToNoise:
    """A line through one number."""

    name: str = "snr"
    about: str = "line through log SNR (foreground mean over Immerkaer's noise)"
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        slope, offset = np.polyfit(train.snr, train.target, 1)
        return lambda test: Judged(offset + slope * test.snr)


@dataclass(frozen=True)
class MeasuredRidge:
    """Ridge regression on the hand-made features, its strength by leave-one-out in closed form."""

    name: str = "handmade-ridge"
    about: str = "64 hand-made features, ridge regression"
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        scaling = Standardisation.fit(train.measured)
        ridge = KernelRidge.fit(_linear, _scaled(scaling, train.measured), train.target, RIDGES)
        return lambda test: Judged(ridge.predict(_scaled(scaling, test.measured)))


@dataclass(frozen=True)
class BrisqueLike:
    """The 36 numbers of BRISQUE (Mittal 2012) with an RBF kernel machine: kernel ridge in place of its SVR."""

    name: str = "brisque-like"
    about: str = "36 natural-scene statistics, RBF kernel ridge"
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        statistics = train.measured[:, :NATURAL_SCENE]
        scaling = Standardisation.fit(statistics)
        points = _scaled(scaling, statistics)
        fitted = [KernelRidge.fit(_rbf(width), points, train.target, RIDGES) for width in WIDTHS]
        best = min(fitted, key=lambda one: one.held_out_error)
        return lambda test: Judged(best.predict(_scaled(scaling, test.measured[:, :NATURAL_SCENE])))


@dataclass(frozen=True)
class MeasuredProcess:
    """The hand-made features (with the encoder's embedding, if named) under the prompt kernel."""

    name: str = "handmade-gp"
    about: str = "64 hand-made features, prompt-kernel Gaussian process"
    encoder: str = ""
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        rng = np.random.default_rng(seed)
        scaling = Standardisation.fit(self._vectors(train))
        points = scaling.points(self._vectors(train), train.prompts)
        landmarks = points.pick(choose_landmarks(points, LANDMARKS, rng))
        process = GaussianProcess.fit(points, np.zeros((len(train), 0)), train.target, landmarks, rng)
        return lambda test: self._judged(process, scaling, test)

    def _judged(self, process: GaussianProcess, scaling: Standardisation, test: Material) -> Judged:
        latent = process.predict(scaling.points(self._vectors(test), test.prompts), np.zeros((len(test), 0)))
        return Judged(latent.mean, np.sqrt(latent.variance + latent.noise))

    def _vectors(self, material: Material) -> DoubleArray:
        if not self.encoder:
            return material.measured
        embeddings = np.stack([one.embedding for one in material.features[self.encoder]])
        return np.hstack([embeddings.astype(np.float64), material.measured])


@dataclass(frozen=True)
class Frozen:
    """A frozen encoder with the closed-form head, which trusts strange images less, as in the platform.

    start: the model whose prior it listens to, and whose training images strangeness is measured from, too. mix: None
    for the platform's own choice.
    """

    name: str
    about: str
    encoder: str
    scale: Scale
    start: Predictor | None = None
    mix: Mix | None = None
    is_costly: bool = False

    def fit(self, train: Material, seed: int) -> Judge:
        heads = fit_closed_form(
            train.features[self.encoder], {CRITERION: train.target}, {CRITERION: self.scale},
            prompts=train.prompts, groups=train.groups, seed=seed,
            initial=None if self.start is None else self.start.prior,
        )  # fmt: skip
        return partial(self._judged, heads if self.mix is None else replace(heads, mixes={CRITERION: self.mix}))

    def _judged(self, heads: ClosedFormHeads, test: Material) -> Judged:
        features = test.features[self.encoder]
        strange = heads if self.start is None else self.start.with_heads(heads)
        distance = strange.distance(features, test.prompts)
        return _as_judged(heads.predict(features, test.prompts)[CRITERION].widened(distance))


@dataclass(frozen=True)
class Tokens:
    """The frozen encoder with the patch-weighted token head."""

    scale: Scale
    prior: HeadEnsemble
    name: str = "pretrained-token"
    about: str = "frozen pre-trained encoder, patch-weighted token head"
    is_costly: bool = True

    def fit(self, train: Material, seed: int) -> Judge:
        heads = fit_heads(
            train.features[PRETRAINED], {CRITERION: train.target}, {CRITERION: self.scale}, seed=seed,
            initial=self.prior,
        )  # fmt: skip
        return lambda test: _as_judged(heads.predict(test.features[PRETRAINED])[CRITERION])


@dataclass(frozen=True)
class FineTuned:
    """All weights of a network trained on the scores. start: gives it anew for each split."""

    name: str
    about: str
    start: Callable[[], Network]
    preprocessing: PreprocessingConfig
    scale: Scale
    epochs: int = 3
    is_costly: bool = True

    def fit(self, train: Material, seed: int) -> Judge:
        unit = (train.target - self.scale.minimum) / self.scale.span
        tiles = train.tiles.get(self.name, ())
        tuned = FineTune.fit(self.start, tiles, train.prompts, unit, epochs=self.epochs, seed=seed)
        return lambda test: Judged(
            self.scale.minimum + self.scale.span * tuned.predict(test.tiles[self.name], test.prompts)
        )


def standard_methods(predictor: Predictor, scale: Scale, epochs: int = 3) -> list[Method]:
    """Return the methods in the order of the table."""
    both = "64 hand-made features and the frozen pre-trained embedding, prompt-kernel Gaussian process"
    frozen = "frozen pre-trained encoder, "
    return [
        Constant(),
        SignalToNoise(),
        BrisqueLike(),
        MeasuredRidge(),
        MeasuredProcess(),
        Frozen("random-closed-form", "frozen random encoder, the same head as pretrained", RANDOM, scale),
        Frozen("pretrained-gp", frozen + "closed form alone", PRETRAINED, scale, predictor, Mix(1.0, 1.0, 0.0)),
        Frozen("pretrained-ensemble", frozen + "ensemble alone", PRETRAINED, scale, predictor, Mix(0.0, 0.0, 1.0)),
        Frozen(
            "pretrained",
            frozen + "closed form and ensemble mixed: the platform's default",
            PRETRAINED,
            scale,
            predictor,
        ),
        MeasuredProcess("pretrained+handmade", both, PRETRAINED),
        Tokens(scale, predictor.prior),
        *_trained(predictor, scale, epochs),
    ]


def _trained(predictor: Predictor, scale: Scale, epochs: int) -> list[Method]:
    own, paper = predictor.config.preprocessing, PROFILES["paper"]
    published = "the published shape, trained on the scores from random weights"
    return [
        FineTuned(
            "fine-tune", "all weights trained on the scores, few epochs", partial(copy.deepcopy, predictor.network),
            own, scale, epochs,
        ),
        FineTuned("paper", published, partial(Network, paper), paper.preprocessing, scale, epochs),
    ]  # fmt: skip


def _as_judged(prediction: HeadPrediction) -> Judged:
    return Judged(prediction.mean, prediction.total_std)


def _scaled(scaling: Standardisation, values: DoubleArray) -> DoubleArray:
    return scaling.points(values, [Prompt()] * len(values)).vectors


Kernel = Callable[[DoubleArray, DoubleArray], DoubleArray]


def _linear(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    result: DoubleArray = first @ second.T
    return result


def _rbf(width: float) -> Kernel:
    def kernel(first: DoubleArray, second: DoubleArray) -> DoubleArray:
        squared = (first**2).sum(1)[:, None] - 2 * first @ second.T + (second**2).sum(1)[None]
        result: DoubleArray = np.exp(-np.maximum(squared, 0.0) / (2 * width**2))
        return result

    return kernel


@dataclass(frozen=True)
class KernelRidge:
    """Kernel ridge regression; its strength by leave-one-out error (Rifkin and Lippert, MIT CBCL 2007)."""

    kernel: Kernel
    points: DoubleArray
    weights: DoubleArray
    offset: float
    held_out_error: float

    @classmethod
    def fit(
        cls, kernel: Kernel, points: DoubleArray, target: DoubleArray, ridges: npt.NDArray[np.float64]
    ) -> KernelRidge:
        """Fit to [n, D] and [n]; n up to some thousand."""
        offset = float(target.mean())
        values, vectors = np.linalg.eigh(kernel(points, points))
        rotated = vectors.T @ (target - offset)
        fits = []
        for ridge in ridges:
            inverse = 1 / (np.maximum(values, 0.0) + ridge)
            weights = vectors @ (inverse * rotated)
            left_out = weights / np.maximum((vectors**2) @ inverse, 1e-12)
            fits.append(cls(kernel, points, weights, offset, float(np.mean(left_out**2))))
        return min(fits, key=lambda one: one.held_out_error)

    def predict(self, points: DoubleArray) -> DoubleArray:
        """Return [n]."""
        result: DoubleArray = self.offset + self.kernel(points, self.points) @ self.weights
        return result


def chosen_methods(methods: Sequence[Method], include: Sequence[str], exclude: Sequence[str]) -> list[Method]:
    """Return those to run; raises ValueError for a name that none has."""
    names = {method.name for method in methods}
    unknown = [name for name in (*include, *exclude) if name not in names]
    if unknown:
        raise ValueError(f"No method {', '.join(unknown)}; there are {', '.join(sorted(names))}.")
    return [
        method for method in methods if method.name not in exclude and (not method.is_costly or method.name in include)
    ]
