"""The prior: heads fitted to simulated quality on features of the trained network, before any expert has scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.heads.uncertainty import OodStatistics
from inference.mediqa.network import Network, tile_kinds
from inference.mediqa.predictor import PRIOR, Predictor
from inference.mediqa.pretraining.pool import Pool
from inference.mediqa.reporting import Report
from inference.mediqa.simulation.evaluation import evaluate_predictor
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Features, Scale

LARGEST_POOL = 8000  # copies whose features are computed for the prior
BATCH = 32
PULLS = (1e-5, 1e-3, 1e-2)  # of the prior heads to zero


def fit_prior(
    network: Network,
    pool: Pool,
    *,
    volumes: int,
    seed: int,
    report: Report,
    development: Sequence[SourceSlice] = (),
) -> Predictor:
    """Fit the prior heads and the distance statistics on features of the trained network.

    development: slices of sources that were not trained on; how strongly the heads are drawn to zero is chosen by
    the order that they give to degraded copies of these (``PULLS``), without them it is the first.
    """
    rng = np.random.default_rng((seed, 2))
    chosen = np.arange(len(pool))
    if len(pool) > LARGEST_POOL:
        chosen = np.sort(rng.choice(len(pool), LARGEST_POOL, replace=False, p=_modality_weights(pool)))
    pool = part_of(pool, chosen)
    features, quality = simulated_volumes(network, _pool_tokens(network, pool), pool, volumes=volumes, seed=seed)
    ood = OodStatistics.fit(np.stack([one.embedding[: one.patch_numbers] for one in features]))
    tried: dict[float, Predictor] = {}
    for pull in PULLS if development else PULLS[:1]:
        heads = fit_heads(
            features,
            {PRIOR: quality},
            {PRIOR: Scale(0.0, 1.0)},
            config=FitConfig(epochs=12, batch=64, learning_rate=5e-3, pull=pull),
            seed=seed,
            on_progress=lambda phase, step, total, loss: report(f"prior {step}/{total}, loss {loss:.3f}"),
        )
        prior = HeadEnsemble(heads.criteria, heads.scales, heads.network, heads.residuals, is_prior=True)
        tried[pull] = Predictor(network, prior, ood, device="cpu")
    return _best(tried, development, seed, report)


def _best(tried: Mapping[float, Predictor], development: Sequence[SourceSlice], seed: int, report: Report) -> Predictor:
    """Return the predictor with the best order of degraded copies, over all of them and within a slice."""
    if len(tried) == 1:
        return next(iter(tried.values()))
    orders = {}
    for pull, predictor in tried.items():
        reached = evaluate_predictor(predictor, development, seed=seed)
        orders[pull] = reached.srocc.value + reached.within
        report(f"prior with pull {pull:g}: SROCC {reached.srocc.value:.3f}, within {reached.within:.3f}")
    return tried[max(orders, key=lambda pull: orders[pull])]


def simulated_volumes(
    network: Network, tokens: Tensor, pool: Pool, *, volumes: int, seed: int
) -> tuple[list[Features], np.ndarray[Any, Any]]:
    """Return features and quality of 2-D images and volumes put together from copies of one source.

    Half of the images have one slice. A volume is as good as the mean of its mean and its worst slice.
    """
    rng = np.random.default_rng((seed, 1))
    by_source = {name: np.flatnonzero(np.array(pool.sources) == name) for name in sorted(set(pool.sources))}
    weights = _modality_weights(pool)
    features, qualities = [], []
    for _ in range(volumes):
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
                embedding=network.embed(chosen).mean(0).detach().numpy(),
                tokens=chosen.numpy().astype(np.float16),
                slice_indices=np.arange(len(members)),
                salience=(rng.uniform(0.3, 1.0, len(members)) + (quality < quality.mean() - 0.3)).astype(np.float32),
                tile_boxes=np.zeros((len(members), 1, 4), dtype=np.float32),
                prompt_codes=pool.codes[first].numpy(),
                prompt_confidence=(pool.codes[first].numpy() > 0).astype(np.float32),
            )
        )
        qualities.append(0.5 * quality.mean() + 0.5 * quality.min())
    return features, np.array(qualities)


def part_of(pool: Pool, rows: np.ndarray[Any, Any]) -> Pool:
    """Return some copies of a pool, in memory."""
    index = torch.from_numpy(rows)
    tensors = {name: value[index] for name, value in vars(pool).items() if torch.is_tensor(value)}
    return Pool(
        **tensors,
        sources=tuple(pool.sources[row] for row in rows),
        modalities=tuple(pool.modalities[row] for row in rows),
    )


def _pool_tokens(network: Network, pool: Pool) -> Tensor:
    """Tokens of every copy: float16 [M, N, C + W]."""
    kinds = tile_kinds(pool.tiles.shape[1])
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pool), BATCH):
            rows = slice(start, start + BATCH)
            parts.append(network.encode_slices(pool.tiles[rows].float(), kinds, pool.codes[rows]).half())
    return torch.cat(parts)


def _modality_weights(pool: Pool) -> np.ndarray[Any, Any]:
    names = np.array(pool.modalities)
    counts = {name: int((names == name).sum()) for name in set(pool.modalities)}
    weights = np.array([1 / np.sqrt(counts[name]) for name in pool.modalities])
    normalised: np.ndarray[Any, Any] = weights / weights.sum()
    return normalised
