"""Upstream pre-training on physical parameters, no expert scores needed.

Tasks (``objectives.py``): overall quality, order of the copies of one image, severity of each kind that the
modality knows, parameters of real headers, kept structure, the prompt from features that were not told it, and
contrast that leaves content out. First the experts for patches learn, then the one for slices as a whole; afterwards
the prior heads are fitted. Whole sources and patients are held out.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from inference.mediqa.network import Network
from inference.mediqa.network.profiles import PROFILES
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining.augmentation import Content, with_variants
from inference.mediqa.pretraining.contents import has_structure, thinned, with_generated
from inference.mediqa.pretraining.distributed import Group
from inference.mediqa.pretraining.patches import check_parts, settle_normalisation, train_patches
from inference.mediqa.pretraining.pool import Pool, build_pool
from inference.mediqa.pretraining.prior import fit_prior
from inference.mediqa.pretraining.settings import WHOLE_PART, Places, PretrainingConfig
from inference.mediqa.pretraining.whole import train_whole
from inference.mediqa.reporting import Report
from inference.mediqa.simulation.evaluation import (
    Evaluation,
    evaluate_predictor,
    parameter_correlations,
    prompt_accuracy,
)
from inference.mediqa.simulation.sources import SourceSlice

logger = logging.getLogger(__name__)


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
    contents = _contents_of(training, config, places.workers)
    torch.manual_seed(config.seed)
    network = network or Network(PROFILES[config.profile])
    check_parts(network, config)
    pool = _pool_of(contents, network, config, places, group, report)
    steps = train_patches(network, pool, config, report, places=places, group=group) if config.trains_patches else 0
    if not group.is_first:
        return None
    steps = max(steps, _finish(network, pool, config, report, places, group.device))
    predictor = fit_prior(
        network, pool, volumes=config.volumes, seed=config.seed, report=report, development=development
    )
    predictor.training = _described(contents, held_out, development, config, steps, command)
    return Pretrained(predictor, _evaluated(predictor, held_out, config.seed), steps)


def _contents_of(training: Sequence[SourceSlice], config: PretrainingConfig, workers: int) -> list[Content]:
    """Return what is degraded: real slices, generated ones, and variants of both."""
    real = thinned([item for item in training if has_structure(item)], config.per_modality)
    drawn = with_generated(real, config.generated, seed=config.seed, workers=workers)
    return with_variants(drawn, config.variants, seed=config.seed)


def _pool_of(
    contents: Sequence[Content],
    network: Network,
    config: PretrainingConfig,
    places: Places,
    group: Group,
    report: Report,
) -> Pool:
    """Build the pool, in a folder once for all processes, in memory each for itself."""
    started = time.monotonic()
    if not group.is_first and places.pool is not None:
        group.wait()
    pool = build_pool(
        contents, config.copies, network.config, seed=config.seed, crops=config.crops,
        folder=places.pool, workers=places.workers, report=report,
    )  # fmt: skip
    if group.is_first and places.pool is not None:
        group.wait()
    report(f"{len(contents)} images, {len(pool)} degraded copies, {time.monotonic() - started:.0f} s")
    return pool


def _finish(
    network: Network, pool: Pool, config: PretrainingConfig, report: Report, places: Places, device: torch.device
) -> int:
    """Make a network whose patches have learnt ready for use, on the CPU; return the steps of the whole's expert."""
    settle_normalisation(network.to(device), pool, config, device)
    network.prompt.forget_unseen(pool.codes.to(device))
    steps = 0
    if network.whole is not None and config.trains(WHOLE_PART):
        steps = config.steps_of_whole
        train_whole(
            network, pool, steps=steps, learning_rate=config.learning_rate, factor_dropout=config.factor_dropout,
            seed=config.seed, report=report, log=places.whole_log,
        )  # fmt: skip
    network.to("cpu")
    return steps


def _evaluated(predictor: Predictor, held_out: Sequence[SourceSlice], seed: int) -> Evaluation | None:
    """Evaluate on what was held out, if anything was; the model's account of its training says what came out."""
    if not held_out:
        return None
    evaluation = evaluate_predictor(predictor, held_out, seed=seed)
    predictor.training["evaluation"] = evaluation.to_document()
    predictor.training["parameters"] = parameter_correlations(predictor, held_out, seed=seed)
    predictor.training["prompt"] = prompt_accuracy(predictor, held_out)
    return evaluation


def _described(
    contents: Sequence[Content],
    held_out: Sequence[SourceSlice],
    development: Sequence[SourceSlice],
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
        "development": sorted({item.source for item in development}),
    }
