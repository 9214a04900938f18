"""Heads on frozen, cached tokens: an ensemble of small patch-weighted heads for each Criterion.

B counts images, K slices, N tokens of a slice, C channels, M members, H hidden units, Q Criteria. Members
share nothing; Criteria share a member's first layer. The result is bounded by the Criterion's scale.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from inference.mediqa.checkpoint import under
from inference.mediqa.heads.predictions import HeadPrediction
from inference.mediqa.heads.uncertainty import interval_factor
from inference.mediqa.types import DoubleArray, Features, FloatArray, Prompt, Scale

MINIMUM_LOG_VARIANCE = 2 * math.log(0.02)  # of the unit scale
MAXIMUM_LOG_VARIANCE = 2 * math.log(0.5)
BATCH = 64


class HeadOutput(NamedTuple):
    """What M members say, on the unit scale."""

    mean: Tensor  # [M, B, Q] in 0..1
    log_variance: Tensor  # [M, B, Q]
    logit: Tensor  # [M, B, Q] before the affine map: what the frozen features say
    slice_weights: Tensor  # [M, B, K, Q]
    patch_weights: Tensor  # [M, B, K, N, Q], of each slice's tokens, sum to 1


class TokenBatch(NamedTuple):
    """Features of B images, padded to the same K."""

    tokens: Tensor  # float32 [B, K, N, C]
    salience: Tensor  # [B, K] of the chosen slices
    is_slice: Tensor  # bool [B, K]

    def pick(self, index: Tensor) -> TokenBatch:
        return TokenBatch(self.tokens[index], self.salience[index], self.is_slice[index])


def collate(features: Sequence[Features]) -> TokenBatch:
    """Pad the slices of several images with zeros."""
    most = max(len(one.slice_indices) for one in features)
    count, channels = features[0].tokens.shape[1:]
    tokens = torch.zeros(len(features), most, count, channels)
    salience = torch.zeros(len(features), most)
    is_slice = torch.zeros(len(features), most, dtype=torch.bool)
    for row, one in enumerate(features):
        kept = len(one.slice_indices)
        tokens[row, :kept] = torch.from_numpy(np.asarray(one.tokens, dtype=np.float32))
        salience[row, :kept] = torch.from_numpy(np.asarray(one.salience)[one.slice_indices])
        is_slice[row, :kept] = True
    return TokenBatch(tokens, salience, is_slice)


class HeadNetwork(nn.Module):
    """All members at once; every weight has a leading member axis. Starts at zero: ``finetuning`` fills it."""

    def __init__(self, channels: int, criteria: int, members: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("gain", torch.ones(channels))
        self.trunk = nn.Parameter(torch.zeros(members, channels, hidden))
        self.trunk_bias = nn.Parameter(torch.zeros(members, 1, hidden))
        self.out = nn.Parameter(torch.zeros(members, hidden, 3 * criteria))
        self.out_bias = nn.Parameter(torch.zeros(members, 1, 3 * criteria))
        self.attention = nn.Parameter(torch.tensor([-1.0, 0.5]).repeat(members, criteria, 1))
        self.affine_gain = nn.Parameter(torch.ones(members, criteria))
        self.affine_offset = nn.Parameter(torch.zeros(members, criteria))

    @property
    def shape(self) -> dict[str, int]:
        members, channels, hidden = self.trunk.shape
        criteria = self.out.shape[-1] // 3
        return {"channels": channels, "criteria": criteria, "members": members, "hidden": hidden}

    def forward(self, batch: TokenBatch) -> HeadOutput:
        count, slices, tokens, channels = batch.tokens.shape
        x = (batch.tokens - self.get_buffer("shift")) * self.get_buffer("gain")
        hidden = torch.matmul(x.reshape(1, -1, channels), self.trunk) + self.trunk_bias  # [M, BKN, H]
        out = torch.matmul(torch.nn.functional.gelu(hidden), self.out) + self.out_bias
        value, weight, spread = out.reshape(len(out), count, slices, tokens, 3, -1).unbind(4)
        weight = torch.sigmoid(weight)
        weight = weight / weight.sum(3, keepdim=True).clamp(min=1e-6)  # [M, B, K, N, Q]
        slice_logit, slice_spread = (value * weight).sum(3), (spread * weight).sum(3)  # [M, B, K, Q]
        attention = self._slice_weights(slice_logit, batch)
        logit = (slice_logit * attention).sum(2)  # [M, B, Q]
        log_variance = (slice_spread * attention).sum(2) - 4.0
        return HeadOutput(
            mean=torch.sigmoid(self.affine_gain[:, None] * logit + self.affine_offset[:, None]),
            log_variance=log_variance.clamp(MINIMUM_LOG_VARIANCE, MAXIMUM_LOG_VARIANCE),
            logit=logit,
            slice_weights=attention,
            patch_weights=weight,
        )

    def _slice_weights(self, slice_logit: Tensor, batch: TokenBatch) -> Tensor:
        """Attention over slices by what they look like and how salient they are: [M, B, K, Q]."""
        by_logit, by_salience = self.attention[:, None, None].unbind(-1)  # [M, 1, 1, Q]
        salience = torch.log1p(batch.salience)[None, :, :, None]
        score = by_logit * slice_logit + by_salience * salience
        score = score.masked_fill(~batch.is_slice[None, :, :, None], -math.inf)
        return torch.softmax(score, dim=2)


class _UnitPredictions(NamedTuple):
    """What M members say of n images, on the unit scale; weights are the members' mean."""

    means: DoubleArray  # [M, n, Q]
    variances: DoubleArray  # [M, n, Q]
    slice_weights: DoubleArray  # [n, K, Q]
    patch_weights: FloatArray  # [n, K, N, Q]

    @classmethod
    def empty(cls, features: Sequence[Features], shape: Mapping[str, int]) -> _UnitPredictions:
        count, criteria = len(features), shape["criteria"]
        slices = max((len(one.slice_indices) for one in features), default=1)
        tokens = features[0].tokens.shape[1] if features else 1
        means = np.zeros((shape["members"], count, criteria))
        slice_weights = np.zeros((count, slices, criteria))
        patch_weights = np.zeros((count, slices, tokens, criteria), dtype=np.float32)
        return cls(means, np.zeros_like(means), slice_weights, patch_weights)

    def fill(self, rows: slice, slices: int, output: HeadOutput) -> None:
        """Write what the network says of some images, whose batch was padded to fewer slices."""
        self.means[:, rows] = output.mean.cpu().numpy()
        self.variances[:, rows] = output.log_variance.exp().cpu().numpy()
        self.slice_weights[rows, :slices] = output.slice_weights.mean(0).cpu().numpy()
        self.patch_weights[rows, :slices] = output.patch_weights.mean(0).cpu().numpy()


@dataclass(frozen=True)
class HeadEnsemble:
    """Fitted heads with the scales of their Criteria.

    residuals: |score - mean| / std on images that no member was fitted on, by Criterion; they make the
    intervals conformal. ``is_prior``: fitted on simulated severities and on no expert score.
    """

    criteria: tuple[str, ...]
    scales: Mapping[str, Scale]
    network: HeadNetwork
    residuals: Mapping[str, FloatArray] = field(default_factory=dict)
    is_prior: bool = False
    kind: ClassVar[str] = "token"

    def predict(
        self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None
    ) -> dict[str, HeadPrediction]:
        """Return the prediction of each Criterion for n images, in the Criterion's units.

        The prompts are not looked at: the tokens have been told.
        """
        unit = self._unit_predictions(features)
        predictions = {}
        for index, key in enumerate(self.criteria):
            scale = self.scales[key]
            member_means = unit.means[:, :, index]  # [M, n]
            predictions[key] = HeadPrediction(
                mean=scale.minimum + scale.span * member_means.mean(axis=0),
                epistemic_std=scale.span * member_means.std(axis=0),
                aleatoric_std=scale.span * np.sqrt(unit.variances[:, :, index].mean(axis=0)),
                slice_weights=unit.slice_weights[:, :, index],
                patch_weights=unit.patch_weights[:, :, :, index],
            )
        return predictions

    def _unit_predictions(self, features: Sequence[Features]) -> _UnitPredictions:
        device = self.network.trunk.device
        unit = _UnitPredictions.empty(features, self.network.shape)
        with torch.inference_mode():
            for start in range(0, len(features), BATCH):
                batch = collate(features[start : start + BATCH])
                output = self.network(TokenBatch(*(tensor.to(device) for tensor in batch)))
                unit.fill(slice(start, start + len(batch.tokens)), batch.tokens.shape[1], output)
        return unit

    def with_residuals(self, residuals: Mapping[str, FloatArray]) -> HeadEnsemble:
        """Return the ensemble with conformal residuals."""
        return HeadEnsemble(self.criteria, self.scales, self.network, residuals, self.is_prior)

    def distance(self, features: Sequence[Features], prompts: Sequence[Prompt] | None = None) -> FloatArray:
        """Return zeros: token heads keep no statistics of the images that they were fitted to."""
        return np.zeros(len(features), dtype=np.float32)

    def interval_factor(self, criterion: str, level: float) -> float:
        """Return by how many total std the interval of a Criterion reaches at ``level``."""
        return interval_factor(self.residuals.get(criterion, np.empty(0)), level)

    def to(self, device: torch.device) -> HeadEnsemble:
        """Return a copy on a device."""
        network = copy.deepcopy(self.network).to(device)
        return HeadEnsemble(self.criteria, self.scales, network, self.residuals, self.is_prior)

    def to_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return (tensors, JSON document)."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"residuals.{key}": torch.from_numpy(value) for key, value in self.residuals.items()}
        document = {
            "kind": self.kind,
            "criteria": list(self.criteria),
            "scales": {key: asdict(scale) for key, scale in self.scales.items()},
            "shape": self.network.shape,
            "is_prior": self.is_prior,
        }
        return tensors, document

    @classmethod
    def from_checkpoint(cls, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> HeadEnsemble:
        """Read ``to_checkpoint``; raises KeyError, TypeError or RuntimeError where parts are missing."""
        network = HeadNetwork(**document["shape"])
        network.load_state_dict(under(tensors, "network."))
        return cls(
            criteria=tuple(document["criteria"]),
            scales={key: Scale(**values) for key, values in document["scales"].items()},
            network=network.requires_grad_(requires_grad=False).eval(),
            residuals={key: value.numpy() for key, value in under(tensors, "residuals.").items()},
            is_prior=bool(document["is_prior"]),
        )
