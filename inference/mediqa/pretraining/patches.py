"""Training of the experts for patches: the encoder, its neck and the heads on single patches. May be taken up again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.pretraining.batches import Sampler, cut_crops, targets_of, turned
from inference.mediqa.pretraining.distributed import Group
from inference.mediqa.pretraining.log import TrainingLog
from inference.mediqa.pretraining.normalisation import SteadyStatistics
from inference.mediqa.pretraining.objectives import WEIGHTS, Targets, running_means, task_losses, total_loss
from inference.mediqa.pretraining.pool import Pool
from inference.mediqa.pretraining.settings import WHOLE_PART, Places, PretrainingConfig
from inference.mediqa.pretraining.state import TrainingState
from inference.mediqa.reporting import Report

REPORT_EVERY = 50  # steps
NORMALISATION_STEPS = 200  # from which the statistics for use are taken


def train_patches(
    network: Network,
    pool: Pool,
    config: PretrainingConfig,
    report: Report,
    *,
    places: Places | None = None,
    group: Group | None = None,
) -> int:
    """Train in place, from ``places.state`` if it is there; return the number of steps that were taken."""
    places, group = places or Places(), group or Group()
    network.to(group.device)
    group.share_start(network)
    pool = near(pool, group.device)
    state = _begun(network, config, group)
    described = {"config": asdict(config) | {"steps": None, "minutes": None}, "copies": len(pool)}
    if places.state is not None and places.state.is_file():
        _take_up(state, places.state, described, config, group)
        report(f"taken up at step {state.step}")
    log = TrainingLog(places.log if group.is_first else None, list(WEIGHTS), step=state.step)
    sampler = Sampler(pool)
    network.train()
    for part in frozen(network, config):
        part.eval()
    keeper = _Keeper(state, described, log, places, is_writing=group.is_first)
    while group.agree(config.share(state)) < 1.0:
        began = time.monotonic()
        rate = _take_step(state, sampler, pool, config, group)
        state.seconds += time.monotonic() - began
        keeper.after_step(rate)
        if state.step % REPORT_EVERY == 0:
            report(_progress(state, config))
    keeper.save()
    return state.step


@dataclass
class _Keeper:
    """Keeps what a training can be taken up from, and its log; the first process does for all."""

    state: TrainingState
    described: dict[str, Any]
    log: TrainingLog
    places: Places
    is_writing: bool
    saved: float = field(default_factory=time.monotonic)

    def after_step(self, rate: float) -> None:
        """Write what is due."""
        if self.state.step % self.places.log_every_steps == 0 or self.state.step == 1:
            self.log.add(self.state.step, rate, self.state.seconds, self.state.means)
        if time.monotonic() - self.saved > self.places.save_every_seconds:
            self.save()

    def save(self) -> None:
        if self.places.state is not None and self.is_writing:
            self.state.save(self.places.state, self.described)
            self.saved = time.monotonic()


def _begun(network: Network, config: PretrainingConfig, group: Group) -> TrainingState:
    """Return where a training stands before its first step."""
    optimizer = torch.optim.AdamW(
        learning(network, config), lr=config.learning_rate, weight_decay=config.weight_decay,
        fused=group.device.type == "cuda",
    )  # fmt: skip
    return TrainingState(network, optimizer, np.random.default_rng((config.seed, group.rank)))


def _take_up(
    state: TrainingState, path: Path, described: dict[str, Any], config: PretrainingConfig, group: Group
) -> None:
    """Go on where the training stood; the state is the first one's: others go on with draws of their own."""
    state.restore(path, described)
    if not group.is_first:
        state.rng = np.random.default_rng((config.seed, group.rank, state.step))


def check_parts(network: Network, config: PretrainingConfig) -> None:
    """Raise ValueError where a part that is to learn is not there."""
    names = [name for name, _ in network.named_parameters()]
    unknown = [part for part in config.learns if not any(name.startswith(part) for name in names)]
    if unknown:
        raise ValueError(f"The network has no part {unknown[0]!r} that could learn.")


def learning(network: Network, config: PretrainingConfig) -> list[torch.nn.Parameter]:
    """Return the parameters of patches that learn; the others take no gradient any more.

    Raises ValueError for an unknown part.
    """
    check_parts(network, config)
    parts = config.learns or ("",)
    for name, value in network.named_parameters():
        value.requires_grad_(value.requires_grad and name.startswith(parts) and not name.startswith(WHOLE_PART))
    return [value for value in network.parameters() if value.requires_grad]


def frozen(network: Network, config: PretrainingConfig) -> list[torch.nn.Module]:
    """Return the parts of which nothing learns with the patches; their statistics stay, too."""
    return [part for name, part in network.named_children() if name.startswith(WHOLE_PART) or not config.trains(name)]


def near(pool: Pool, device: torch.device) -> Pool:
    """Return the pool in the memory of a GPU where there is twice the room, so that a step moves no tiles."""
    if device.type != "cuda" or 2 * pool.tiles.nbytes > torch.cuda.mem_get_info(device)[0]:
        return pool
    return pool.to(device)


def settle_normalisation(network: Network, pool: Pool, config: PretrainingConfig, device: torch.device) -> None:
    """Measure the statistics of batch normalisation anew, on batches as the training had them; ends in evaluation.

    Those of frozen parts stay.
    """
    sampler, rng = Sampler(pool), np.random.default_rng((config.seed, 3))
    kinds = tile_kinds(1 + config.crops_per_step).to(device)
    steady = SteadyStatistics(network, frozen(network, config))
    with steady, torch.no_grad():
        for _ in range(NORMALISATION_STEPS if steady.layers else 0):  # not all networks have any
            rows = sampler.draw(rng, config.images_per_step, config.copies_per_image)
            tiles = cut_crops(pool, rows, config.crops_per_step, rng, every=config.copies_per_image)
            codes = pool.codes[torch.from_numpy(rows)].to(device)
            network.encode_slices(tiles.to(device), kinds, codes, patches_only=True)


def _take_step(state: TrainingState, sampler: Sampler, pool: Pool, config: PretrainingConfig, group: Group) -> float:
    """One step of AdamW; return the learning rate."""
    rate = config.learning_rate * _schedule(config.share(state))
    for part in state.optimizer.param_groups:
        part["lr"] = rate
    rows = sampler.draw(state.rng, config.images_per_step, config.copies_per_image)
    has_whole = bool(state.rng.random() >= config.crops_only)
    every = config.copies_per_image
    tiles = cut_crops(pool, rows, config.crops_per_step, state.rng, every=every, has_whole=has_whole)
    tiles = turned(tiles.to(group.device), state.rng, every)
    targets = targets_of(pool, rows, state.rng, config.factor_dropout).to(group.device)
    kinds = tile_kinds(tiles.shape[1]) if has_whole else torch.ones(tiles.shape[1], dtype=torch.long)
    kept = _kept(len(rows), state.network.config.channels, config.feature_dropout, state.rng).to(group.device)
    losses = _losses(state.network, tiles, kinds.to(group.device), targets, kept)
    state.optimizer.zero_grad()
    total_loss(losses).backward()  # type: ignore[no-untyped-call]
    group.average_gradients(state.network)
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    state.means = running_means(state.means, losses)
    return rate


def _losses(
    network: Network, tiles: torch.Tensor, kinds: torch.Tensor, targets: Targets, kept: torch.Tensor
) -> dict[str, torch.Tensor]:
    told = targets.codes * ~targets.is_hidden
    with torch.autocast(tiles.device.type, dtype=torch.bfloat16, enabled=tiles.device.type == "cuda"):
        tokens = network.encode_slices(tiles, kinds, told, patches_only=True) * kept
        judgement, aside = network.judge_patches(tokens), network.judge_aside(tokens)
    return task_losses(judgement, aside, targets)


def _kept(copies: int, channels: int, dropout: float, rng: np.random.Generator) -> torch.Tensor:
    """Drop whole channels of a slice, so that what the heads need is not in one place only: [B, 1, C]."""
    mask = rng.random((copies, 1, channels)) >= dropout
    return torch.from_numpy(mask.astype(np.float32) / (1 - dropout))


def _schedule(share: float) -> float:
    """Linear warm-up over a twentieth, then a cosine to a fiftieth."""
    return min(1.0, 20 * share + 0.02) * (0.51 + 0.49 * float(np.cos(np.pi * min(share, 1.0))))


def _progress(state: TrainingState, config: PretrainingConfig) -> str:
    losses = ", ".join(f"{name} {value:.3f}" for name, value in state.means.items())
    return f"step {state.step}, {state.seconds:.0f} s, {100 * config.share(state):.0f} %: {losses}"
