"""Training of the expert for slices as a whole: fixed statistics of every copy once, then two small layers on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from inference.mediqa.network import WHOLE, Network, tile_kinds
from inference.mediqa.network.encoders.filters import WINDOWS
from inference.mediqa.pretraining.batches import Sampler, targets_of
from inference.mediqa.pretraining.log import TrainingLog
from inference.mediqa.pretraining.objectives import WHOLE_TASKS, Targets, running_means, total_loss, whole_losses
from inference.mediqa.pretraining.pool import Pool
from inference.mediqa.prompt import MODALITY
from inference.mediqa.reporting import Report
from inference.mediqa.types import IndexArray

PULL = 6.0  # sources of a modality from which on it counts for more than the patches
COPIES, IMAGES = 4, 64  # of an image, in a step; steps are cheap here
WEIGHT_DECAY = 1.0
NOISE = 0.3  # laid over the statistics, in standard deviations of each: new images differ, too
BATCH = 64  # copies whose statistics are taken at once
LOG_EVERY = 25


def train_whole(
    network: Network,
    pool: Pool,
    *,
    steps: int,
    learning_rate: float,
    factor_dropout: float,
    seed: int,
    report: Report,
    log: Path | None = None,
) -> None:
    """Train what looks at slices as a whole, in place; it ends in evaluation.

    The statistics see the copies as they are, and no variants of the images: grey values that are bent, warps and
    collages, from which patches learn, hide what they measure. What it counts for beside the patches grows with the
    sources of a modality that it has learnt from (``shares_of``).

    Raises ValueError where the network does not look at slices as a whole.
    """
    if network.whole is None or network.whole_reading is None:
        raise ValueError("The network has no part that looks at slices as a whole.")
    device = next(network.parameters()).device
    rows = np.flatnonzero(~pool.is_variant.cpu().numpy())
    statistics = pool_statistics(network, pool, rows, device, report)
    network.whole.norm.fit(statistics)
    network.whole.shares.copy_(shares_of(pool, rows, len(network.whole.shares)))
    parts = torch.nn.ModuleList((network.whole, network.whole_reading)).requires_grad_().train()
    optimizer = torch.optim.AdamW(parts.parameters(), lr=learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, learning_rate, total_steps=max(steps, 2))
    spread = NOISE * network.whole.norm.running_var.cpu().sqrt()
    batches = _Batches(pool, rows, statistics, spread, factor_dropout, seed)
    course = _Course(steps, TrainingLog(log, WHOLE_TASKS), report)
    for step in range(1, steps + 1):
        losses = _losses(network, *batches.draw(device))
        optimizer.zero_grad()
        total_loss(losses).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        course.note(step, float(schedule.get_last_lr()[0]), losses)
    parts.eval()


class _Batches:
    """Draws copies: what was measured of them, with noise laid over it, and what is known of them."""

    def __init__(
        self, pool: Pool, rows: IndexArray, statistics: Tensor, spread: Tensor, factor_dropout: float, seed: int
    ) -> None:
        """statistics: [m, D] of the m rows. spread: [D], of the noise."""
        self.pool, self.statistics, self.spread, self.factor_dropout = pool, statistics, spread, factor_dropout
        self.place = np.zeros(len(pool), dtype=np.int64)
        self.place[rows] = np.arange(len(rows))
        self.sampler, self.rng = Sampler(pool, rows), np.random.default_rng((seed, 4))
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self, device: torch.device) -> tuple[Tensor, Targets]:
        drawn = self.sampler.draw(self.rng, IMAGES, COPIES)
        targets = targets_of(self.pool, drawn, self.rng, self.factor_dropout)
        seen = self.statistics[torch.from_numpy(self.place[drawn])]
        seen = seen + self.spread * torch.randn(seen.shape, generator=self.generator)
        return seen.to(device), targets.to(device)


@dataclass
class _Course:
    """Tells how the training goes: the log and the report, every few steps."""

    steps: int
    log: TrainingLog
    report: Report
    means: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def note(self, step: int, rate: float, losses: Mapping[str, Tensor]) -> None:
        self.means = running_means(self.means, losses)
        if step % LOG_EVERY == 0 or step == 1:
            self.log.add(step, rate, time.monotonic() - self.began, self.means)
            shown = ", ".join(f"{name} {value:.3f}" for name, value in self.means.items())
            self.report(f"whole {step}/{self.steps}: {shown}")


def shares_of(pool: Pool, rows: IndexArray, words: int) -> Tensor:
    """Return what the whole counts for by the word of the modality: n / (n + ``PULL``) of n sources among the rows.

    Word 0, unknown, stands for all of them, and so do words of which there is no source. ``PULL`` was chosen on
    development sources.
    """
    codes = pool.codes[:, MODALITY].tolist()
    named = {(codes[row], pool.sources[row]) for row in rows}
    counts = torch.bincount(torch.tensor([code for code, _ in named]), minlength=words).float()
    counts[0] = 0.0
    counts[counts == 0] = float(len({source for _, source in named}))
    return counts / (counts + PULL)


def pool_statistics(network: Network, pool: Pool, rows: IndexArray, device: torch.device, report: Report) -> Tensor:
    """Return what is measured of these m copies: float32 [m, D]."""
    assert network.whole is not None
    is_whole = tile_kinds(pool.tiles.shape[1]) == WHOLE
    found = []
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            tiles = pool.tiles[torch.from_numpy(rows[start : start + BATCH])][:, :, :WINDOWS].to(device).float()
            flat, places = tiles.flatten(0, 1), is_whole.repeat(len(tiles)).to(device)
            found.append(network.whole.statistics(flat, places, network.textures(flat)).cpu())
            if start // BATCH % 100 == 99:
                report(f"{start + len(tiles)} of {len(rows)} copies measured")
    return torch.cat(found).clone()


def _losses(network: Network, statistics: Tensor, targets: Targets) -> dict[str, Tensor]:
    """[B, D] -> the losses of the whole's tasks."""
    assert network.whole is not None
    told = targets.codes * ~targets.is_hidden
    with torch.no_grad():
        prompt = network.prompt(told, torch.full((len(told),), WHOLE, device=told.device))
    return whole_losses(network.judge_whole(network.whole.read(statistics, prompt)), targets)
