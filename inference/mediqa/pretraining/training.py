"""Upstream pre-training on physical parameters, no expert scores needed.

Tasks (``objectives.py``): overall quality, order of the copies of one image, severity of each kind that the
modality knows, parameters of real headers, kept structure, the prompt from features that were not told it, and
contrast that leaves content out. Afterwards the prior heads are fitted. Whole sources and patients are held out.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.mediqa.evaluation import Evaluation, evaluate_predictor, parameter_correlations, prompt_accuracy
from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining.augmentation import Content, with_variants
from inference.mediqa.pretraining.batches import Sampler, cut_crops, targets_of, turned
from inference.mediqa.pretraining.contents import has_structure, thinned, with_generated
from inference.mediqa.pretraining.distributed import Group
from inference.mediqa.pretraining.log import TrainingLog
from inference.mediqa.pretraining.normalisation import SteadyStatistics
from inference.mediqa.pretraining.objectives import WEIGHTS, Targets, running_means, task_losses, total_loss
from inference.mediqa.pretraining.pool import Pool, build_pool
from inference.mediqa.pretraining.prior import fit_prior
from inference.mediqa.pretraining.state import TrainingState
from inference.mediqa.pretraining.whole import PART, train_whole
from inference.mediqa.profiles import PROFILES
from inference.mediqa.reporting import Report
from inference.mediqa.sources import SourceSlice

logger = logging.getLogger(__name__)
REPORT_EVERY = 50  # steps
NORMALISATION_STEPS = 200  # from which the statistics for use are taken
# The least that each of these settings may be; two copies of an image are what is ranked.
LEAST = {"steps": 1, "per_modality": 1, "copies": 1, "generated": 0, "variants": 0, "crops_per_step": 1}
LEAST |= {"images_per_step": 1, "copies_per_image": 2, "volumes": 1, "whole_steps": 1}


def is_learnt(part: str, names: Sequence[str]) -> bool:
    """Whether a part learns: it, a part of it or what it belongs to is named; without any names all parts do."""
    return not names or any(name.startswith(part) or part.startswith(name) for name in names)


@dataclass(frozen=True)
class PretrainingConfig:
    """How the network is trained. ``minutes`` bounds the training itself and makes its length depend on
    the machine; ``steps`` makes it the same everywhere."""

    seed: int = 0
    profile: str = "small"  # of ``profiles.PROFILES``
    steps: int = 2000
    whole_steps: int | None = None  # of what looks at slices as a whole; as many as ``steps`` where nothing is said
    minutes: float | None = None
    per_modality: int = 500  # real slices, at most
    copies: int = 4  # of each slice, more in rare modalities
    generated: int = 40  # images of each generated sort
    variants: int = 0  # of the contents of each modality
    crops: int = 3  # cut from each copy
    crops_per_step: int = 1  # seen beside the whole view in one step
    images_per_step: int = 6  # more on a GPU
    copies_per_image: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    factor_dropout: float = 0.15
    feature_dropout: float = 0.15  # of the channels of a slice's tokens, before the heads
    crops_only: float = 0.25  # share of steps without the view of the whole slice
    volumes: int = 1500  # simulated for the prior
    learns: tuple[str, ...] = ()  # names of the parts that learn where a training goes on; all of them without any

    def __post_init__(self) -> None:
        """Refuse what nothing could be trained with.

        Raises:
            ValueError: says which setting, and what it may be.
        """
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}; it must be {least} or more.")
        for name, value in (("minutes", self.minutes), ("learning_rate", self.learning_rate)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value:g}; it must be more than 0.")

    def trains(self, part: str) -> bool:
        """Whether a part of the network, as encoder, learns."""
        return is_learnt(part, self.learns)

    @property
    def trains_patches(self) -> bool:
        """Whether anything learns but what looks at slices as a whole, for which patches need not be encoded."""
        return not self.learns or any(not name.startswith(PART) for name in self.learns)

    def share(self, state: TrainingState) -> float:
        """Return how much of the training is over."""
        return state.seconds / (60 * self.minutes) if self.minutes is not None else state.step / self.steps


@dataclass(frozen=True)
class Places:
    """Where a training keeps what it can be taken up from; None keeps nothing."""

    pool: Path | None = None  # folder of tiles
    state: Path | None = None
    log: Path | None = None
    whole_log: Path | None = None
    workers: int = 1  # processes that degrade images
    save_every_seconds: float = 120.0
    log_every_steps: int = 25


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
    places: Places | None = None,
    group: Group | None = None,
    network: Network | None = None,
    development: Sequence[SourceSlice] = (),
) -> Pretrained | None:
    """Train on slices and evaluate on others; deterministic by seed and steps on one kind of machine.

    network: to start from, instead of a new one of the profile. development: what settings of the prior are chosen on.
    Returns None in all processes but the first. Raises ValueError without training slices and CheckpointError
    where ``places.state`` belongs to another training.
    """
    if not training:
        raise ValueError("No image could be read for training.")
    places, group = places or Places(), group or Group()
    training = [item for item in training if has_structure(item)]
    drawn = with_generated(
        thinned(training, config.per_modality), config.generated, seed=config.seed, workers=places.workers
    )
    contents = with_variants(drawn, config.variants, seed=config.seed)
    torch.manual_seed(config.seed)
    network = network or Network(PROFILES[config.profile])
    check_parts(network, config)
    started = time.monotonic()
    pool = _pool_of(contents, network, config, places, group, report)
    report(f"{len(contents)} images, {len(pool)} degraded copies, {time.monotonic() - started:.0f} s")
    steps = train_network(network, pool, config, report, places=places, group=group) if config.trains_patches else 0
    if not group.is_first:
        return None
    settle_normalisation(network.to(group.device), pool, config, group.device)
    network.prompt.forget_unseen(pool.codes.to(group.device))
    if network.whole is not None and config.trains(PART):
        steps = max(steps, _train_whole(network, pool, config, report, places))
    network.to("cpu")
    predictor = fit_prior(
        network, pool, volumes=config.volumes, seed=config.seed, report=report, development=development
    )
    predictor.training = _described(contents, held_out, config, steps, command)
    predictor.training["development"] = sorted({item.source for item in development})
    evaluation = evaluate_predictor(predictor, held_out, seed=config.seed) if held_out else None
    if evaluation is not None:
        predictor.training["evaluation"] = evaluation.to_document()
        predictor.training["parameters"] = parameter_correlations(predictor, held_out, seed=config.seed)
        predictor.training["prompt"] = prompt_accuracy(predictor, held_out)
    return Pretrained(predictor, evaluation, steps)


def _train_whole(network: Network, pool: Pool, config: PretrainingConfig, report: Report, places: Places) -> int:
    """Train the expert for slices as a whole; return its steps."""
    steps = config.steps if config.whole_steps is None else config.whole_steps
    train_whole(
        network, pool, steps=steps, learning_rate=config.learning_rate, factor_dropout=config.factor_dropout,
        seed=config.seed, report=report, log=places.whole_log,
    )  # fmt: skip
    return steps


def _pool_of(
    contents: Sequence[Content],
    network: Network,
    config: PretrainingConfig,
    places: Places,
    group: Group,
    report: Report,
) -> Pool:
    """Build the pool, in a folder once for all processes, in memory each for itself."""
    if not group.is_first and places.pool is not None:
        group.wait()
    pool = build_pool(
        contents, config.copies, network.config, seed=config.seed, crops=config.crops,
        folder=places.pool, workers=places.workers, report=report,
    )  # fmt: skip
    if group.is_first and places.pool is not None:
        group.wait()
    return pool


def train_network(
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
    optimizer = torch.optim.AdamW(
        learning(network, config), lr=config.learning_rate, weight_decay=config.weight_decay,
        fused=group.device.type == "cuda",
    )  # fmt: skip
    state = TrainingState(network, optimizer, np.random.default_rng((config.seed, group.rank)))
    described = {"config": asdict(config) | {"steps": None, "minutes": None}, "copies": len(pool)}
    if places.state is not None and places.state.is_file():
        state.restore(places.state, described)
        if not group.is_first:  # the state is the first one's: others go on with draws of their own
            state.rng = np.random.default_rng((config.seed, group.rank, state.step))
        report(f"taken up at step {state.step}")
    log = TrainingLog(places.log if group.is_first else None, list(WEIGHTS), step=state.step)
    sampler = Sampler(pool)
    network.train()
    for part in frozen(network, config):
        part.eval()
    saved = time.monotonic()
    while group.agree(config.share(state)) < 1.0:
        began = time.monotonic()
        rate = _take_step(state, sampler, pool, config, group)
        state.seconds += time.monotonic() - began
        if state.step % places.log_every_steps == 0 or state.step == 1:
            log.add(state.step, rate, state.seconds, state.means)
        if places.state is not None and group.is_first and time.monotonic() - saved > places.save_every_seconds:
            state.save(places.state, described)
            saved = time.monotonic()
        if state.step % REPORT_EVERY == 0:
            report(_progress(state, config))
    if places.state is not None and group.is_first:
        state.save(places.state, described)
    return state.step


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
        value.requires_grad_(value.requires_grad and name.startswith(parts) and not name.startswith(PART))
    return [value for value in network.parameters() if value.requires_grad]


def frozen(network: Network, config: PretrainingConfig) -> list[torch.nn.Module]:
    """Return the parts of which nothing learns with the patches; their statistics stay, too."""
    return [part for name, part in network.named_children() if name.startswith(PART) or not config.trains(name)]


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
        judgement, reading = network.judge_patches(tokens), network.read(tokens)
    return task_losses(judgement, reading, targets)


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


def _described(
    contents: Sequence[Content],
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
        "sources": sorted({item.source for item in contents}),
        "held_out": sorted({item.source for item in held_out}),
        "slices": len(contents),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
