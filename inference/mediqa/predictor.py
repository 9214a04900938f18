"""The one object that the platform holds: a loaded model that encodes and scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.checkpoint import (
    DEFAULT_CHECKPOINT,
    Checkpoint,
    CheckpointFiles,
    NumberArray,
    load_checkpoint,
    name_of_features,
    pack_checkpoint,
    save_checkpoint,
    under,
    unpack_checkpoint,
)
from inference.mediqa.errors import CheckpointError
from inference.mediqa.heads.closed_form import ClosedFormHeads
from inference.mediqa.heads.predictions import HeadPrediction, Heads, residuals_of
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.heads.uncertainty import INTERVAL_LEVEL, OodStatistics, interval_factor
from inference.mediqa.network import Network
from inference.mediqa.network.classifier import classify
from inference.mediqa.network.first_generation import current_names, stored_names
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.network.runtime import Runtime, choose_runtime
from inference.mediqa.physics import DEGRADATIONS, physical_parameters
from inference.mediqa.preprocessing import prepare
from inference.mediqa.prompt import completed_prompts, prompt_codes
from inference.mediqa.types import (
    CriterionScore,
    DoubleArray,
    Features,
    FloatArray,
    ImageArray,
    PreparedImage,
    Prompt,
    Scale,
    Scored,
)
from inference.mediqa.versions import PREPROCESSING_VERSION

SHIPPED_GRAPH = DEFAULT_CHECKPOINT.with_suffix(".onnx")  # heads that are fitted on the shipped encoder keep it
ACROSS_SLICES = frozenset(kind.name for kind in DEGRADATIONS if kind.needs_neighbours)
PRIOR = "quality"  # the one Criterion of the prior: 1 untouched, 0 hardly readable
PRIOR_STD_SHARE = 0.2  # of a scale: what is not known of how experts use it


class Predictor:
    """Encodes images with the frozen network and scores features with heads. Thread-safe once built."""

    def __init__(
        self,
        network: Network,
        prior: HeadEnsemble,
        ood: OodStatistics,
        *,
        heads: Heads | None = None,
        training: Mapping[str, Any] | None = None,
        device: str | torch.device | None = None,
        sha256: str | None = None,
        graphs: Sequence[Path] = (SHIPPED_GRAPH,),
        runtime: Runtime | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.network = network.to(self.device).eval().requires_grad_(requires_grad=False)
        self.prior = prior.to(self.device)
        self.heads = heads.to(self.device) if heads is not None else None
        self.ood = ood
        self.training = dict(training or {})
        self.sha256 = sha256
        self._graphs, self._runtime = graphs, runtime

    @property
    def config(self) -> NetworkConfig:
        config: NetworkConfig = self.network.config
        return config

    @cached_property
    def features_version(self) -> str:
        """Name of the features (``checkpoint.name_of_features``)."""
        network = {name: tensor.cpu().numpy() for name, tensor in self._stored_network().items()}
        document = {"preprocessing_version": PREPROCESSING_VERSION, "config": self.config.to_document()}
        return name_of_features(network, document)

    @cached_property
    def runtime(self) -> Runtime:
        """What runs the encoder, chosen on first use."""
        return self._runtime or choose_runtime(self.network, self.device, self.features_version, self._graphs)

    @classmethod
    def load(cls, path: Path | str | None = None, device: str | torch.device | None = None) -> Predictor:
        """Load a checkpoint, by default the one that is shipped; raises CheckpointError."""
        path = Path(path or DEFAULT_CHECKPOINT)
        return cls._from_checkpoint(load_checkpoint(path), device, (path.with_suffix(".onnx"), SHIPPED_GRAPH))

    @classmethod
    def load_bytes(cls, weights: bytes, document: bytes, device: str | torch.device | None = None) -> Predictor:
        """Load a checkpoint from the contents of its two files; raises CheckpointError."""
        return cls._from_checkpoint(unpack_checkpoint(weights, document), device)

    @classmethod
    def _from_checkpoint(
        cls, checkpoint: Checkpoint, device: str | torch.device | None, graphs: Sequence[Path] = (SHIPPED_GRAPH,)
    ) -> Predictor:
        document, tensors = checkpoint.document, _tensors(checkpoint)
        try:
            network = Network(NetworkConfig.from_document(document["config"]))
            network.load_state_dict(current_names(under(tensors, "network."), network.config))
            prior = HeadEnsemble.from_checkpoint(under(tensors, "prior."), document["prior"])
            return cls(
                network,
                prior,
                OodStatistics.from_tensors({name: value.numpy() for name, value in under(tensors, "ood.").items()}),
                heads=_heads(under(tensors, "heads."), document.get("heads"), prior),
                training=document.get("training"),
                device=device,
                sha256=document["sha256"],
                graphs=graphs,
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError("The checkpoint lacks parts of the model, or has parts of another.") from error

    def with_heads(self, heads: Heads, training: Mapping[str, Any] | None = None) -> Predictor:
        """Return a model with the same encoder and prior, and these heads; ``training`` names its data."""
        return Predictor(
            self.network,
            self.prior,
            self.ood,
            heads=heads,
            training=self.training | {"heads": dict(training or {})},
            device=self.device,
            runtime=self.runtime,
        )

    def calibrated(
        self,
        features: Sequence[Features],
        targets: Mapping[str, FloatArray | DoubleArray],
        prompts: Sequence[Prompt],
    ) -> Predictor:
        """Return the model with intervals calibrated on n scored images that its heads were not fitted on.

        targets: Criterion -> [n] in its units, NaN where there is no score. Raises ValueError without heads.
        """
        if self.heads is None:
            raise ValueError("Only fitted heads have intervals to calibrate.")
        if not features:
            return self
        prompts = completed_prompts(prompts, features)
        distance = self.distance(features, prompts)
        predictions = {key: one.widened(distance) for key, one in self.heads.predict(features, prompts).items()}
        heads = self.heads.with_residuals(residuals_of(predictions, targets))
        return self.with_heads(heads, self.training.get("heads"))

    def save(self, path: Path | str) -> CheckpointFiles:
        """Write the whole model: ``path`` (.safetensors) and the JSON beside it."""
        return save_checkpoint(Path(path), *self._contents())

    def to_bytes(self) -> tuple[bytes, bytes]:
        """Return the contents of the two files of a checkpoint: (weights, document)."""
        return pack_checkpoint(*self._contents())

    def _stored_network(self) -> dict[str, Tensor]:
        return stored_names(self.network.state_dict(), self.config)

    def _contents(self) -> tuple[dict[str, NumberArray], dict[str, Any]]:
        prior_tensors, prior_document = self.prior.to_checkpoint()
        tensors: dict[str, Tensor] = {f"network.{name}": value for name, value in self._stored_network().items()}
        tensors |= {f"prior.{name}": value for name, value in prior_tensors.items()}
        tensors |= {f"ood.{name}": torch.from_numpy(value) for name, value in self.ood.to_tensors().items()}
        document = {
            "config": self.config.to_document(),
            "prior": prior_document,
            "heads": None,
            "training": self.training,
        }
        if self.heads is not None:
            head_tensors, document["heads"] = self.heads.to_checkpoint()
            tensors |= {f"heads.{name}": value for name, value in head_tensors.items()}
        return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}, document

    def prepare(self, image: ImageArray) -> PreparedImage:
        """Return the tiles of an image; raises UnscorableImage. May run in decoding threads."""
        return prepare(image, self.config.preprocessing)

    def encode(self, images: Sequence[ImageArray]) -> list[Features]:
        """Prepare and encode; the first image that can't be scored raises UnscorableImage."""
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_prepared(self, images: Sequence[PreparedImage]) -> list[Features]:
        """Encode the slices of all images in common batches.

        Factors of the prompt that nobody said are classified from the features; an image in which that finds
        something is encoded once more, with it.
        """
        if not images:
            return []
        told = torch.tensor([prompt_codes(image.prompt) for image in images])  # [n, factors]
        tokens = self._tokens(images, told)
        found = [self._classified(one, code) for one, code in zip(tokens, told, strict=True)]
        codes = torch.stack([code for code, _ in found])
        again = [int(row) for row in (codes != told).any(dim=1).nonzero()[:, 0]]
        for row, better in zip(again, self._tokens([images[row] for row in again], codes[again]), strict=True):
            tokens[row] = better
        return [
            self._features(image, one, code, confidence)
            for image, one, (code, confidence) in zip(images, tokens, found, strict=True)
        ]

    def _features(self, image: PreparedImage, tokens: Tensor, codes: Tensor, confidence: Tensor) -> Features:
        embedding = self.network.embed(tokens).mean(dim=0)
        return Features(
            embedding=embedding.numpy().astype(np.float32),
            tokens=tokens.numpy().astype(np.float16),
            slice_indices=image.slice_indices,
            salience=image.salience,
            tile_boxes=image.tile_boxes,
            prompt_codes=codes.numpy(),
            prompt_confidence=confidence.numpy().astype(np.float32),
        )

    def _tokens(self, images: Sequence[PreparedImage], codes: Tensor) -> list[Tensor]:
        """Of each image [K, N, C]; codes: [n, factors]."""
        if not images:
            return []
        counts = [len(image.tiles) for image in images]
        tiles = torch.from_numpy(np.concatenate([image.tiles for image in images]))  # [slices, T, V, S, S]
        encoded = self.runtime.encode_slices(tiles, codes.repeat_interleave(torch.tensor(counts), dim=0))
        return list(torch.split(encoded, counts))

    def _classified(self, tokens: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            found, confidence = classify(self.network, tokens.to(self.device), codes.to(self.device))
        return found.cpu(), confidence.cpu()

    def score(
        self,
        features: Sequence[Features],
        *,
        prompts: Sequence[Prompt],
        scales: Mapping[str, Scale],
        level: float = INTERVAL_LEVEL,
    ) -> list[Scored]:
        """Score n images on the Criteria of ``scales``; n prompts decide which physics is named.

        A Criterion that the heads know (on the same scale) gets an expert score with a conformal interval;
        any other gets the prior, mapped to its scale, with a wide interval and ``is_prior``.
        """
        if len(prompts) != len(features):
            raise ValueError(f"{len(prompts)} prompts for {len(features)} images.")
        if not features:
            return []
        prompts = completed_prompts(prompts, features)
        distance = self.distance(features, prompts)
        predictions, factors = self._predictions(features, prompts, scales, level)
        predictions = {key: one.widened(distance) for key, one in predictions.items()}
        prior = self.prior.predict(features)[PRIOR].widened(distance)
        said = list(predictions.values()) or [prior]
        weights = np.mean([one.slice_weights for one in said], axis=0)  # [n, K]
        patches = np.mean([one.patch_weights for one in said], axis=0)  # [n, K, N]
        severities = self._severities(features, weights)
        scored = []
        for row, prompt in enumerate(prompts):
            scores = {
                key: _criterion_score(predictions.get(key), prior, row, scale, factors[key])
                for key, scale in scales.items()
            }
            scored.append(
                Scored(
                    scores=scores,
                    slice_weights=weights[row][: len(features[row].slice_indices)].astype(np.float32),
                    patch_weights=patches[row][: len(features[row].slice_indices)].astype(np.float32),
                    physical=physical_parameters(self._told(severities[row]), prompt.modality),
                    ood_distance=float(distance[row]),
                )
            )
        return scored

    def _told(self, severities: Mapping[str, float]) -> dict[str, float]:
        """Return the severities without those that only shows who looks across slices, where the network does not."""
        is_shown = self.config.looks_across
        return {name: value for name, value in severities.items() if is_shown or name not in ACROSS_SLICES}

    def distance(self, features: Sequence[Features], prompts: Sequence[Prompt]) -> FloatArray:
        """Return the larger of the distances from the images of the pre-training and from those that experts scored,
        [n]; 1 is what 5 % reach. n is at least 1."""
        pretraining = self.ood.distance(np.stack([one.embedding for one in features]))
        return pretraining if self.heads is None else np.maximum(pretraining, self.heads.distance(features, prompts))

    def _predictions(
        self, features: Sequence[Features], prompts: Sequence[Prompt], scales: Mapping[str, Scale], level: float
    ) -> tuple[dict[str, HeadPrediction], dict[str, float]]:
        """Return what the heads say on the Criteria that they share with ``scales``, and interval factors."""
        factors = dict.fromkeys(scales, interval_factor([], level))
        if self.heads is None:
            return {}, factors
        heads = self.heads
        shared = [key for key in scales if key in heads.criteria and heads.scales[key] == scales[key]]
        factors |= {key: heads.interval_factor(key, level) for key in shared}
        predicted = heads.predict(features, prompts) if shared else {}
        return {key: predicted[key] for key in shared}, factors

    def severities(self, features: Sequence[Features]) -> list[dict[str, float]]:
        """Return the severity of each kind of degradation, 0..1, the mean over the slices."""
        return self._severities(features, [np.full(len(one.tokens), 1 / len(one.tokens)) for one in features])

    def _severities(self, features: Sequence[Features], weights: Sequence[DoubleArray]) -> list[dict[str, float]]:
        """Severity of each kind of degradation, slices by their weight."""
        result = []
        with torch.inference_mode():
            for one, weight in zip(features, weights, strict=True):
                tokens = torch.from_numpy(np.asarray(one.tokens, dtype=np.float32)).to(self.device)
                codes = torch.from_numpy(np.asarray(one.prompt_codes)).to(self.device).expand(len(tokens), -1)
                by_slice = self.network.judge(tokens, codes).severities.cpu().numpy()  # [K, kinds]
                mixed = weight[: len(by_slice)] @ by_slice
                result.append(dict(zip(self.config.kinds, map(float, mixed), strict=True)))
        return result


def _criterion_score(
    prediction: HeadPrediction | None,
    prior: HeadPrediction,
    row: int,
    scale: Scale,
    factor: float,
) -> CriterionScore:
    if prediction is not None:
        quality, aleatoric = float(prediction.mean[row]), float(prediction.aleatoric_std[row])
        epistemic = float(prediction.epistemic_std[row])
    else:
        unit = float(prior.mean[row])
        quality = scale.minimum + scale.span * (unit if scale.is_higher_better else 1.0 - unit)
        aleatoric = scale.span * math.hypot(float(prior.aleatoric_std[row]), PRIOR_STD_SHARE)
        epistemic = scale.span * float(prior.epistemic_std[row])
    reach = factor * math.hypot(epistemic, aleatoric)
    return CriterionScore(
        quality=quality,
        epistemic_std=epistemic,
        aleatoric_std=aleatoric,
        lower=max(scale.minimum, quality - reach),
        upper=min(scale.maximum, quality + reach),
        is_prior=prediction is None,
    )


def _tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in checkpoint.tensors.items()}


def _heads(tensors: Mapping[str, Tensor], document: Mapping[str, Any] | None, prior: HeadEnsemble) -> Heads | None:
    """Read the heads of either kind; checkpoints from before there were two hold token heads."""
    if not document:
        return None
    if document.get("kind", HeadEnsemble.kind) == ClosedFormHeads.kind:
        return ClosedFormHeads.from_checkpoint(tensors, document, prior)
    return HeadEnsemble.from_checkpoint(tensors, document)
