"""Degraded copies of real slices with known severities: what upstream pre-training learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.network import NetworkConfig
from inference.mediqa.physics import DEGRADATIONS, KINDS, Subject, degrade
from inference.mediqa.preprocessing import choose_corners, cut_tiles, window_ranges, windowed
from inference.mediqa.prompt import prompt_codes
from inference.mediqa.sources import SourceSlice
from inference.mediqa.types import FloatArray, HalfArray, ImageArray

RARE = 4
SHARES = {0: 0.12, 1: 0.58, 2: 0.30}  # of copies with no, one and two kinds of degradation


@dataclass(frozen=True)
class Pool:
    """M degraded copies. Severities are masked where the modality does not know the kind."""

    tiles: Tensor  # float16 [M, T, 2, S, S]
    codes: Tensor  # int64 [M, factors]
    quality: Tensor  # float32 [M], 1 untouched, 0 hardly readable
    severities: Tensor  # float32 [M, kinds]
    is_known: Tensor  # bool [M, kinds]
    image: Tensor  # int64 [M], which slice the copy was made from
    sources: tuple[str, ...]  # [M]
    modalities: tuple[str, ...]  # [M]

    def __len__(self) -> int:
        return len(self.quality)


def quality_of(severities: Sequence[float]) -> float:
    """Return 1 for an untouched image; each degradation takes its share of what is left."""
    return float(np.prod([1.0 - value for value in severities])) if len(severities) else 1.0


def draw_severities(modality: str, rng: np.random.Generator) -> dict[str, float]:
    """Draw none, one or two kinds that the modality knows, each with a severity uniform in 0.05..1."""
    names = [kind.name for kind in DEGRADATIONS if kind.fits(modality) and not kind.needs_neighbours]
    count = int(rng.choice(list(SHARES), p=list(SHARES.values())))
    chosen = rng.choice(names, size=min(count, len(names)), replace=False)
    return {str(name): float(rng.uniform(0.05, 1.0)) for name in chosen}


def subject_of(item: SourceSlice) -> Subject:
    """Return the slice as the physics takes it; the visible range is that of the narrow window."""
    low, high = window_ranges(item.pixels[None], image_of(item, item.pixels))[1]
    if item.prompt.modality == "CT":
        low, high = -1000.0, 400.0
    return Subject(
        pixels=torch.from_numpy(item.pixels),
        modality=item.prompt.modality,
        is_inverted=item.is_inverted,
        spacing_mm=item.spacing_mm,
        low=low,
        high=high,
    )


def image_of(item: SourceSlice, pixels: FloatArray) -> ImageArray:
    """Return a copy of the slice as a 2-D image."""
    return ImageArray(pixels=pixels[None], prompt=item.prompt, is_inverted=item.is_inverted)


def degraded_copies(
    item: SourceSlice, count: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, dict[str, float]]]:
    """Yield ``count`` copies (pixels, severities); the first is untouched."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    subject = subject_of(item)
    for index in range(count):
        severities = draw_severities(item.prompt.modality, rng) if index else {}
        yield degrade(subject, severities, generator).numpy(), severities


def build_pool(slices: Sequence[SourceSlice], copies: int, config: NetworkConfig, *, seed: int, crops: int) -> Pool:
    """Degrade every slice ``copies`` times and cut the tiles; deterministic by seed.

    Modalities with few slices get up to ``RARE`` times as many copies, so that none is forgotten.
    """
    rows: list[tuple[HalfArray, dict[str, float], int]] = []
    counts = _copies_by_modality(slices, copies)
    for index, item in enumerate(slices):
        rng = np.random.default_rng((seed, index))
        for pixels, severities in degraded_copies(item, counts[item.prompt.modality], rng):
            rows.append((_tiles(item, pixels, config, crops, rng), severities, index))
    owners = [slices[index] for _, _, index in rows]
    return Pool(
        tiles=torch.from_numpy(np.stack([tiles for tiles, _, _ in rows])),
        codes=torch.tensor([prompt_codes(item.prompt) for item in owners]),
        quality=torch.tensor([quality_of(list(severities.values())) for _, severities, _ in rows]),
        severities=torch.tensor([[severities.get(kind, 0.0) for kind in KINDS] for _, severities, _ in rows]),
        is_known=torch.tensor([[kind.fits(item.prompt.modality) for kind in DEGRADATIONS] for item in owners]),
        image=torch.tensor([index for _, _, index in rows]),
        sources=tuple(item.source for item in owners),
        modalities=tuple(item.prompt.modality for item in owners),
    )


def _copies_by_modality(slices: Sequence[SourceSlice], copies: int) -> dict[str, int]:
    names = [item.prompt.modality for item in slices]
    most = max(names.count(name) for name in set(names))
    return {name: copies * min(RARE, max(1, most // (2 * names.count(name)))) for name in set(names)}


def _tiles(
    item: SourceSlice, pixels: FloatArray, config: NetworkConfig, crops: int, rng: np.random.Generator
) -> HalfArray:
    ranges = window_ranges(pixels[None], image_of(item, pixels))
    view = windowed(pixels, ranges, is_inverted=item.is_inverted)
    return cut_tiles(view, choose_corners(view, crops, config.tile, rng), config.tile).astype(np.float16)
