"""Upstream pre-training on simulated physical degradation, no expert scores needed.

Multi-task: quality (beta-NLL), order of the copies of one image (pairwise), severity of each kind that the
modality knows (masked). Afterwards the prior heads are fitted to cached features of single slices and of
simulated volumes in which some slices are worse. Whole sources and patients are held out, always.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.evaluation import Evaluation, evaluate_predictor
from inference.mediqa.finetuning import fit_heads
from inference.mediqa.fitting import FitConfig
from inference.mediqa.network import Judgement, Network, summary
from inference.mediqa.predictor import PRIOR, Predictor
from inference.mediqa.simulation import Pool, build_pool
from inference.mediqa.sources import SourceSlice
from inference.mediqa.types import Features, Scale
from inference.mediqa.uncertainty import OodStatistics

logger = logging.getLogger(__name__)
Report = Callable[[str], None]


@dataclass(frozen=True)
class PretrainingConfig:
    """How the network is trained. ``minutes`` bounds the training itself and makes its length depend on
    the machine; ``steps`` makes it the same everywhere."""

    seed: int = 0
    steps: int = 1000
    minutes: float | None = None
    copies: int = 6  # of each slice, more in rare modalities
    crops: int = 3  # cut from each copy
    crops_per_step: int = 1  # seen beside the whole view in one step
    images_per_step: int = 8
    copies_per_image: int = 4
    learning_rate: float = 2e-3
    factor_dropout: float = 0.12
    volumes: int = 1500  # simulated for the prior


@dataclass(frozen=True)
class Pretrained:
    """The model and what it reached on sources that it never saw."""

    predictor: Predictor
    evaluation: Evaluation | None
    steps: int


def pretrain(
    training: Sequence[SourceSlice],
    held_out: Sequence[SourceSlice],
    config: PretrainingConfig,
    *,
    command: str = "",
    report: Report = logger.info,
) -> Pretrained:
    """Train on slices and evaluate on others; deterministic by seed and steps on one kind of machine.

    Raises ValueError without training slices.
    """
    if not training:
        raise ValueError("No image could be read for training.")
    torch.manual_seed(config.seed)
    network = Network()
    started = time.monotonic()
    pool = build_pool(training, config.copies, network.config, seed=config.seed, crops=config.crops)
    report(f"{len(training)} slices, {len(pool)} degraded copies, {time.monotonic() - started:.0f} s")
    steps = train_network(network, pool, config, report)
    predictor = fit_prior(network, pool, config, report)
    predictor.training = _described(training, held_out, config, steps, command)
    evaluation = evaluate_predictor(predictor, held_out, seed=config.seed) if held_out else None
    if evaluation is not None:
        predictor.training["evaluation"] = evaluation.to_document()
    return Pretrained(predictor, evaluation, steps)


def train_network(network: Network, pool: Pool, config: PretrainingConfig, report: Report) -> int:
    """Train in place; return the number of steps that were taken."""
    rng = np.random.default_rng(config.seed)
    groups = _groups(pool)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.02)
    network.train()
    started, step, mean_loss = time.monotonic(), 0, 0.0
    while (share := _share(step, started, config)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(share)
        index = _draw(groups, rng, config)
        loss = _step_loss(network, pool, index, rng, config)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        mean_loss += 0.02 * (loss.item() - mean_loss) if step > 1 else loss.item()
        if step % 50 == 0:
            report(f"step {step}, loss {mean_loss:.3f}, {time.monotonic() - started:.0f} s, {100 * share:.0f} %")
    network.eval()
    return step


def fit_prior(network: Network, pool: Pool, config: PretrainingConfig, report: Report) -> Predictor:
    """Fit the prior heads and the distance statistics on features of the trained network."""
    tokens = _pool_tokens(network, pool)
    features, quality = simulated_volumes(tokens, pool, config)
    prior = fit_heads(
        features,
        {PRIOR: quality},
        {PRIOR: Scale(0.0, 1.0)},
        config=FitConfig(epochs=12, batch=64, learning_rate=5e-3, pull=1e-5),
        seed=config.seed,
        on_progress=lambda phase, step, total, loss: report(f"prior {step}/{total}, loss {loss:.3f}"),
    )
    prior = type(prior)(prior.criteria, prior.scales, prior.network, prior.residuals, is_prior=True)
    ood = OodStatistics.fit(np.stack([one.embedding for one in features]))
    return Predictor(network, prior, ood, device="cpu")


def simulated_volumes(
    tokens: Tensor, pool: Pool, config: PretrainingConfig
) -> tuple[list[Features], np.ndarray[Any, Any]]:
    """Return features and quality of 2-D images and volumes put together from copies of one source.

    Half of the images have one slice. A volume is as good as the mean of its mean and its worst slice.
    """
    rng = np.random.default_rng((config.seed, 1))
    by_source = {name: np.flatnonzero(np.array(pool.sources) == name) for name in sorted(set(pool.sources))}
    weights = _modality_weights(pool)
    features, qualities = [], []
    for _ in range(config.volumes):
        first = int(rng.choice(len(pool), p=weights))
        members = np.array([first])
        if rng.random() < 0.5:
            others = by_source[pool.sources[first]]
            if rng.random() < 0.5:  # one bad slice among good ones
                others = others[pool.quality.numpy()[others] > 0.8]
            members = np.array([first, *rng.choice(others, size=4)]) if len(others) else members
        quality = pool.quality.numpy()[members]
        chosen = tokens[torch.from_numpy(members)].float()
        features.append(
            Features(
                embedding=summary(chosen).mean(0).numpy(),
                tokens=chosen.numpy().astype(np.float16),
                slice_indices=np.arange(len(members)),
                salience=(rng.uniform(0.3, 1.0, len(members)) + (quality < quality.mean() - 0.3)).astype(np.float32),
                tile_boxes=np.zeros((len(members), 1, 4), dtype=np.float32),
            )
        )
        qualities.append(0.5 * quality.mean() + 0.5 * quality.min())
    return features, np.array(qualities)


def _pool_tokens(network: Network, pool: Pool) -> Tensor:
    """Tokens of every copy: float16 [M, N, C]."""
    kinds = torch.ones(pool.tiles.shape[1], dtype=torch.long)
    kinds[0] = 0
    with torch.inference_mode():
        return torch.cat(
            [
                network.encode_slices(tiles.float(), kinds, codes).half()
                for tiles, codes in (
                    (pool.tiles[start : start + 32], pool.codes[start : start + 32])
                    for start in range(0, len(pool), 32)
                )
            ]
        )


def _share(step: int, started: float, config: PretrainingConfig) -> float:
    """Return how much of the training is over."""
    if config.minutes is not None:
        return (time.monotonic() - started) / (60 * config.minutes)
    return step / config.steps


def _schedule(share: float) -> float:
    """Linear warm-up over a twentieth, then a cosine to a fiftieth."""
    return min(1.0, 20 * share + 0.02) * (0.51 + 0.49 * float(np.cos(np.pi * min(share, 1.0))))


def _groups(pool: Pool) -> dict[str, dict[str, list[np.ndarray[Any, Any]]]]:
    """Return modality -> source -> for each image the indices of its copies."""
    groups: dict[str, dict[str, list[np.ndarray[Any, Any]]]] = {}
    images = pool.image.numpy()
    for image in np.unique(images):
        rows = np.flatnonzero(images == image)
        by_source = groups.setdefault(pool.modalities[rows[0]], {})
        by_source.setdefault(pool.sources[rows[0]], []).append(rows)
    return groups


def _draw(
    groups: dict[str, dict[str, list[np.ndarray[Any, Any]]]],
    rng: np.random.Generator,
    config: PretrainingConfig,
) -> np.ndarray[Any, Any]:
    """Draw images (modality by the root of its size, then source, then image) and copies of each."""
    names = sorted(groups)
    sizes = np.sqrt([sum(len(images) for images in groups[name].values()) for name in names])
    rows = []
    for name in rng.choice(names, size=config.images_per_step, p=sizes / sizes.sum()):
        sources = groups[str(name)]
        images = sources[str(rng.choice(sorted(sources)))]
        copies = images[int(rng.integers(len(images)))]
        rows.append(rng.choice(copies, size=config.copies_per_image, replace=len(copies) < config.copies_per_image))
    return np.concatenate(rows)


def _step_loss(
    network: Network, pool: Pool, index: np.ndarray[Any, Any], rng: np.random.Generator, config: PretrainingConfig
) -> Tensor:
    rows = torch.from_numpy(index)
    crops = pool.tiles.shape[1] - 1
    tiles = torch.stack(
        [pool.tiles[row, [0, *(1 + rng.choice(crops, config.crops_per_step, replace=False))]] for row in index]
    ).float()
    tiles = _turned(tiles, rng, config.copies_per_image)
    codes = pool.codes[rows] * torch.from_numpy(rng.random((len(index), 4)) >= config.factor_dropout)
    kinds = torch.ones(tiles.shape[1], dtype=torch.long)
    kinds[0] = 0
    judgement = network(tiles, kinds, codes)
    return pretraining_loss(judgement, pool.quality[rows], pool.severities[rows], pool.is_known[rows], pool.image[rows])


def _turned(tiles: Tensor, rng: np.random.Generator, every: int) -> Tensor:
    """Flip, transpose and slightly re-window the copies of each image together: [B, T, 2, S, S]."""
    parts = []
    for start in range(0, len(tiles), every):
        part = tiles[start : start + every]
        flips = [axis for axis in (-1, -2) if rng.random() < 0.5]
        turned = part.flip(flips) if flips else part
        turned = turned.transpose(-1, -2) if rng.random() < 0.5 else turned
        parts.append(turned * rng.uniform(0.85, 1.15) + rng.uniform(-0.05, 0.05))
    return torch.cat(parts)


def pretraining_loss(
    judgement: Judgement, quality: Tensor, severities: Tensor, is_known: Tensor, image: Tensor
) -> Tensor:
    """Sum of the three tasks for B copies; pairs are ranked within one image only."""
    squared = (judgement.quality - quality) ** 2
    weight = (0.5 * judgement.log_variance.detach()).exp()
    nll = 0.5 * weight * (squared * (-judgement.log_variance).exp() + judgement.log_variance)
    regression = nll.mean() + 2 * functional.smooth_l1_loss(judgement.quality, quality, beta=0.1)
    difference = quality[:, None] - quality[None, :]
    pairs = ((image[:, None] == image[None, :]) & (difference.abs() > 0.05)).float()
    predicted = judgement.quality[:, None] - judgement.quality[None, :]
    wrong = functional.softplus(-8 * predicted * difference.sign())
    ranking = (wrong * pairs).sum() / pairs.sum().clamp(min=1)
    known = is_known.float()
    physical = ((judgement.severities - severities) ** 2 * known).sum() / known.sum()
    return regression + 0.3 * ranking + 4 * physical


def _modality_weights(pool: Pool) -> np.ndarray[Any, Any]:
    names = np.array(pool.modalities)
    counts = {name: int((names == name).sum()) for name in set(pool.modalities)}
    weights = np.array([1 / np.sqrt(counts[name]) for name in pool.modalities])
    normalised: np.ndarray[Any, Any] = weights / weights.sum()
    return normalised


def _described(
    training: Sequence[SourceSlice],
    held_out: Sequence[SourceSlice],
    config: PretrainingConfig,
    steps: int,
    command: str,
) -> dict[str, Any]:
    return {
        "kind": "pre-training on simulated degradation",
        "command": command,
        "config": asdict(config),
        "steps": steps,
        "sources": sorted({item.source for item in training}),
        "held_out": sorted({item.source for item in held_out}),
        "slices": len(training),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
