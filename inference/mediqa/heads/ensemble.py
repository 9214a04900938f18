"""A small ensemble of beta-NLL heads on vectors: ranks errors, which a Gaussian process does not.

beta-NLL: Seitzer et al., ICLR 2022. Each member leaves out one fold of the groups, so that every training image has
a prediction by a member that never saw its group. All members train at once: one leading member axis.
n counts images, I inputs, M members, H hidden units, Q Criteria; values are on the unit scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.errors import FittingCancelled
from inference.mediqa.types import DoubleArray, FloatArray

MINIMUM_LOG_VARIANCE = 2 * math.log(0.02)
MAXIMUM_LOG_VARIANCE = 2 * math.log(0.5)
HIDDEN = 32
BATCH = 256
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 3e-2
DROPOUT = 0.1
OnEpoch = Callable[[int, int, float], None]
ShouldStop = Callable[[], bool]


class EnsembleOutput(NamedTuple):
    """What M members say of n images."""

    mean: DoubleArray  # [M, n, Q]
    variance: DoubleArray  # [M, n, Q]


class EnsembleNetwork(nn.Module):
    """Two layers for each member: [n, I] -> mean in 0..1 and log variance, [M, n, Q] each."""

    def __init__(self, inputs: int, criteria: int, members: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(members, inputs, hidden))
        self.first_bias = nn.Parameter(torch.zeros(members, 1, hidden))
        self.second = nn.Parameter(torch.zeros(members, hidden, 2 * criteria))
        self.second_bias = nn.Parameter(torch.zeros(members, 1, 2 * criteria))

    @property
    def shape(self) -> dict[str, int]:
        members, inputs, hidden = self.first.shape
        return {"inputs": inputs, "criteria": self.second.shape[-1] // 2, "members": members, "hidden": hidden}

    def forward(self, x: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """keep: [M, n, H] factors of dropout, while training."""
        hidden = functional.gelu(torch.matmul(x, self.first) + self.first_bias)
        hidden = hidden if keep is None else hidden * keep
        value, spread = (torch.matmul(hidden, self.second) + self.second_bias).chunk(2, dim=-1)
        return torch.sigmoid(value), (spread - 4.0).clamp(MINIMUM_LOG_VARIANCE, MAXIMUM_LOG_VARIANCE)


@dataclass(frozen=True)
class EnsembleConfig:
    """How members are trained. beta: of the beta-NLL, 0 plain, 1 as squared error."""

    epochs: int = 120
    members: int = 5
    beta: float = 0.5


@dataclass(frozen=True)
class VectorEnsemble:
    """Fitted members."""

    network: EnsembleNetwork

    @classmethod
    def fit(
        cls,
        inputs: DoubleArray,
        unit: DoubleArray,
        folds: npt.NDArray[np.int64],
        config: EnsembleConfig,
        *,
        seed: int = 0,
        on_epoch: OnEpoch | None = None,
        should_stop: ShouldStop | None = None,
    ) -> VectorEnsemble:
        """Fit to inputs [n, I], targets [n, Q] in 0..1 (NaN without one); member i never sees fold i.

        Deterministic by seed on the CPU, and leaves torch's global generator alone. Raises FittingCancelled.
        """
        generator = torch.Generator().manual_seed(seed)
        x, y = torch.from_numpy(inputs).float(), torch.from_numpy(unit).float()
        network = _start(x, y, config, generator)
        sees = torch.from_numpy(np.arange(config.members)[:, None] != (folds % config.members)[None]).float()
        if len(np.unique(folds)) < 2:
            sees = torch.ones_like(sees)
        training = _Training(network, config, generator, len(x))
        for epoch in range(config.epochs):
            if should_stop is not None and should_stop():
                raise FittingCancelled("The fitting was cancelled.")
            loss = training.epoch(x, y, sees)
            if on_epoch is not None:
                on_epoch(epoch + 1, config.epochs, loss)
        return cls(network.requires_grad_(requires_grad=False).eval())

    def predict(self, inputs: DoubleArray) -> EnsembleOutput:
        """Return what each member says of n images."""
        with torch.inference_mode():
            mean, log_variance = self.network(torch.from_numpy(inputs).float())
        return EnsembleOutput(mean.double().numpy(), log_variance.exp().double().numpy())

    def to_tensors(self) -> dict[str, FloatArray]:
        """Return the weights for a checkpoint."""
        return {name: value.cpu().numpy() for name, value in self.network.state_dict().items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, FloatArray], shape: Mapping[str, int]) -> VectorEnsemble:
        """Read ``to_tensors``; raises RuntimeError where parts are missing."""
        network = EnsembleNetwork(**shape)
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()})
        return cls(network.requires_grad_(requires_grad=False).eval())


def _start(x: Tensor, y: Tensor, config: EnsembleConfig, generator: torch.Generator) -> EnsembleNetwork:
    network = EnsembleNetwork(x.shape[1], y.shape[1], config.members)
    with torch.no_grad():
        for parameter in (network.first, network.second):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(parameter.shape[1]))
        network.second[..., y.shape[1] :] *= 0.1
        network.second_bias[..., : y.shape[1]] = torch.logit(y.nanmean(dim=0).clamp(0.02, 0.98))
    return network


class _Training:
    """One run of Adam with a cosine, over shuffled batches."""

    def __init__(
        self, network: EnsembleNetwork, config: EnsembleConfig, generator: torch.Generator, count: int
    ) -> None:
        self._network, self._config, self._generator = network, config, generator
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        steps = config.epochs * -(-count // BATCH)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, steps)

    def epoch(self, x: Tensor, y: Tensor, sees: Tensor) -> float:
        """Return the RMSE on what the members see, as a share of the scale: a loss that weighs by variance misleads."""
        squared = 0.0
        order = torch.randperm(len(x), generator=self._generator)
        for start in range(0, len(x), BATCH):
            index = order[start : start + BATCH]
            loss, error = self._loss(x[index], y[index], sees[:, index])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
            self._optimizer.step()
            self._schedule.step()
            squared += error.item() * len(index) / len(x)
        return math.sqrt(squared)

    def _loss(self, x: Tensor, y: Tensor, sees: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is minimised, and the mean squared error."""
        known = torch.isfinite(y).float()[None] * sees[:, :, None]  # [M, b, Q]
        shape = (self._config.members, len(x), self._network.first.shape[-1])
        keep = (torch.rand(shape, generator=self._generator) >= DROPOUT).float() / (1 - DROPOUT)
        mean, log_variance = self._network(x, keep)
        squared = (mean - torch.nan_to_num(y)) ** 2
        weight = log_variance.detach().mul(self._config.beta).exp()
        nll = 0.5 * weight * (squared * (-log_variance).exp() + log_variance)
        count = known.sum().clamp(min=1.0)
        return ((nll + squared) * known).sum() / count, (squared.detach() * known).sum() / count
