"""Fitting heads to expert scores on cached features, the encoder frozen: seconds for a hundred images.

beta-NLL: Seitzer et al., ICLR 2022. Members see different bootstrap samples and start from different members
of the prior, and are pulled back to it (L2-SP, Li et al., ICML 2018), so that few scores can't spoil it. The
images that a member did not see set the level of its variance, so that a good fit is not taken for knowledge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.errors import FittingCancelled
from inference.mediqa.heads.fitting import FitConfig, check_targets, unit_targets
from inference.mediqa.heads.token_heads import HeadEnsemble, HeadNetwork, HeadOutput, TokenBatch, collate
from inference.mediqa.types import DoubleArray, Features, Scale

__all__ = ["FitConfig", "OnProgress", "ShouldStop", "check_targets", "fit_heads"]

OnProgress = Callable[[str, int, int, float], None]
ShouldStop = Callable[[], bool]
PSEUDO_COUNT = 2.0  # images that a member is taken to have judged as it said
UNIT_MARGIN = 0.02  # targets at the ends of a scale keep a finite logit


def fit_heads(
    features: Sequence[Features],
    targets: Mapping[str, DoubleArray],
    scales: Mapping[str, Scale],
    *,
    config: FitConfig | None = None,
    seed: int = 0,
    initial: HeadEnsemble | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> HeadEnsemble:
    """Return heads fitted to scores; the same input and seed give the same heads (CPU).

    features: n images. targets: Criterion key -> [n] in the Criterion's units, NaN without a score.
    initial: the prior to start from (``predictor.prior``). on_progress(phase, step, total, error) is called after each
    epoch; error is the RMSE on the unit scale. Raises TooFewScores, ConstantScore, FittingError (unusable targets)
    before anything starts, FittingCancelled once ``should_stop`` says so.
    """
    config = config or FitConfig()
    unit = torch.from_numpy(unit_targets(len(features), targets, scales)).float()
    check_targets(targets, minimum_scores=config.minimum_scores)
    generator = torch.Generator().manual_seed(seed)
    batch = collate(features)
    network = _start(batch, unit, config, initial, generator)
    _train(network, batch, unit, config, generator, on_progress, should_stop)
    criteria = tuple(targets)
    return HeadEnsemble(
        criteria, {key: scales[key] for key in criteria}, network.requires_grad_(requires_grad=False).eval()
    )


def _start(
    batch: TokenBatch, unit: Tensor, config: FitConfig, initial: HeadEnsemble | None, generator: torch.Generator
) -> HeadNetwork:
    """Return a network at its starting point: the prior's members, or random ones."""
    criteria = unit.shape[1]
    if initial is not None:
        network = _from_prior(initial.network, criteria, config.members)
    else:
        network = _random(batch, criteria, config, generator)
    _fit_affine(network, batch, unit)
    return network


def _random(batch: TokenBatch, criteria: int, config: FitConfig, generator: torch.Generator) -> HeadNetwork:
    network = HeadNetwork(batch.tokens.shape[-1], criteria, config.members, config.hidden)
    tokens = batch.tokens[batch.is_slice].flatten(0, 1)  # [slices * N, C]
    with torch.no_grad():
        network.get_buffer("shift").copy_(tokens.mean(0))
        network.get_buffer("gain").copy_(1 / tokens.std(0).clamp(min=1e-3))
        for parameter in (network.trunk, network.out):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(parameter.shape[1]))
    return network


def _from_prior(prior: HeadNetwork, criteria: int, members: int) -> HeadNetwork:
    """Copy members of a one-Criterion prior, its outputs repeated for each Criterion."""
    shape = prior.shape
    network = HeadNetwork(shape["channels"], criteria, members, shape["hidden"])
    index = torch.arange(members) % shape["members"]
    source = {name: value.detach().cpu() for name, value in prior.state_dict().items()}
    with torch.no_grad():
        for name in ("shift", "gain"):
            network.get_buffer(name).copy_(source[name])
        network.trunk.copy_(source["trunk"][index])
        network.trunk_bias.copy_(source["trunk_bias"][index])
        for name in ("out", "out_bias"):  # [M, *, 3] -> [M, *, 3 Q], value | weight | spread
            first = source[name][index].reshape(members, -1, 3, shape["criteria"])[..., :1]
            network.get_parameter(name).copy_(first.expand(-1, -1, -1, criteria).flatten(2))
        network.attention.copy_(source["attention"][index][:, :1].expand(-1, criteria, -1))
    return network


def _fit_affine(network: HeadNetwork, batch: TokenBatch, unit: Tensor) -> None:
    """Least squares of the targets' logits on the frozen logits: finds the direction of the scale at once."""
    with torch.no_grad():
        logit = network(batch).logit  # [M, n, Q]
        for index in range(unit.shape[1]):
            known = torch.isfinite(unit[:, index])
            target = torch.logit(unit[known, index].clamp(UNIT_MARGIN, 1 - UNIT_MARGIN))
            x = logit[:, known, index]  # [M, n]
            centred = x - x.mean(1, keepdim=True)
            ridge = 0.1 * len(target) * x.var(1).clamp(min=1e-4) / 10
            slope = (centred * (target - target.mean())).sum(1) / ((centred**2).sum(1) + ridge)
            slope = torch.where(slope.abs() < 0.1, torch.where(slope < 0, -0.1, 0.1), slope).clamp(-5, 5)
            network.affine_gain[:, index] = slope
            network.affine_offset[:, index] = target.mean() - slope * x.mean(1)


def _train(
    network: HeadNetwork,
    batch: TokenBatch,
    unit: Tensor,
    config: FitConfig,
    generator: torch.Generator,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> None:
    start = {name: value.detach().clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.epochs)
    count = len(unit)
    votes = torch.poisson(torch.ones(config.members, count), generator=generator)  # bootstrap weights
    for epoch in range(config.epochs):
        if should_stop is not None and should_stop():
            raise FittingCancelled("The fitting was cancelled.")
        squared = 0.0
        order = torch.randperm(count, generator=generator)
        for first in range(0, count, config.batch):
            index = order[first : first + config.batch]
            loss, error = _loss(network(batch.pick(index)), unit[index], votes[:, index], config)
            loss = loss + config.pull * _distance(network, start)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            squared += error.item() * len(index) / count
        schedule.step()
        if on_progress is not None:
            on_progress("fit", epoch + 1, config.epochs, math.sqrt(squared))
    _scale_variance(network, batch, unit, votes)


def _scale_variance(network: HeadNetwork, batch: TokenBatch, unit: Tensor, votes: Tensor) -> None:
    """Shift each member's log variance so that squared errors on images it did not see are as it says."""
    with torch.no_grad():
        output = network(batch)
        unseen = torch.isfinite(unit)[None] & (votes == 0)[:, :, None]  # [M, n, Q]
        ratio = (output.mean - torch.nan_to_num(unit)) ** 2 / output.log_variance.exp()
        known = unseen.sum(1)  # [M, Q]
        factor = ((ratio * unseen).sum(1) + PSEUDO_COUNT) / (known + PSEUDO_COUNT)
        spread = network.out_bias.view(len(factor), 3, -1)[:, 2]
        spread += factor.clamp(0.05, 20.0).log()


def _distance(network: HeadNetwork, start: Mapping[str, Tensor]) -> Tensor:
    parts = [((value - start[name]) ** 2).sum() for name, value in network.named_parameters()]
    return torch.stack(parts).sum()


def _loss(output: HeadOutput, target: Tensor, votes: Tensor, config: FitConfig) -> tuple[Tensor, Tensor]:
    """beta-NLL over known scores plus a margin-free ranking of pairs, and the mean squared error alone.

    [M, b, Q] against [b, Q].
    """
    known = torch.isfinite(target).float() * votes[:, :, None]  # [M, b, Q]
    filled = torch.nan_to_num(target)
    squared = (output.mean - filled) ** 2
    weight = output.log_variance.detach().mul(config.beta).exp()
    nll = 0.5 * weight * (squared * (-output.log_variance).exp() + output.log_variance)
    count = known.sum().clamp(min=1.0)
    fit = ((nll + squared) * known).sum() / count
    ranked = config.rank_weight * _rank_loss(output.mean, filled, known)
    return fit + ranked, (squared.detach() * known).sum() / count


def _rank_loss(mean: Tensor, target: Tensor, known: Tensor) -> Tensor:
    difference = target[:, None] - target[None, :]  # [b, b, Q]
    predicted = mean[:, :, None] - mean[:, None, :]  # [M, b, b, Q]
    pairs = (difference.abs() > 0.02).float() * known[:, :, None] * known[:, None, :]
    wrong = functional.softplus(-8.0 * predicted * difference.sign()) / 8.0
    return (wrong * pairs).sum() / pairs.sum().clamp(min=1.0)
