"""Which copies a step of pre-training sees: pairs of images of a modality with the same kind of ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.network.encoders.filters import WINDOWS
from inference.mediqa.pretraining.objectives import Targets
from inference.mediqa.pretraining.pool import Pool
from inference.mediqa.types import DoubleArray, IndexArray

ALL_HIDDEN = 0.08  # share of copies of which the network is told nothing
ALONE = 0.2  # share of images that a step sees without the slices beside them


@dataclass(frozen=True)
class Ladder:
    """The copies of one image that differ in one kind, and all copies of that image."""

    source: str
    rows: IndexArray
    image_rows: IndexArray


@dataclass(frozen=True)
class Choice:
    """Ladders of one kind by source; a source is drawn by the root of how many it has."""

    sources: tuple[tuple[Ladder, ...], ...]
    shares: DoubleArray  # cumulative, [sources]

    @classmethod
    def of(cls, by_source: Mapping[str, Sequence[Ladder]]) -> Choice:
        weights = np.sqrt([len(by_source[name]) for name in sorted(by_source)])
        return cls(tuple(tuple(by_source[name]) for name in sorted(by_source)), np.cumsum(weights) / weights.sum())

    def __len__(self) -> int:
        return sum(len(ladders) for ladders in self.sources)

    def pick(self, rng: np.random.Generator, taken: str = "") -> Ladder:
        """Pick a source, not the one taken if there is another, then a ladder of it."""
        while True:
            ladders = self.sources[_drawn(self.shares, rng)]
            if len(self.sources) == 1 or ladders[0].source != taken:
                return ladders[int(rng.integers(len(ladders)))]


class Sampler:
    """Draws copies: modality by the root of its size, then a kind, then images of different sources.

    among: rows of whole images that are drawn from, without it all.
    """

    def __init__(self, pool: Pool, among: IndexArray | None = None) -> None:
        rows = np.arange(len(pool)) if among is None else among
        self.kinds = {
            modality: [Choice.of(by_kind[kind]) for kind in sorted(by_kind)]
            for modality, by_kind in sorted(_ladders(pool, rows).items())
        }
        sizes = np.sqrt([sum(len(choice) for choice in choices) for choices in self.kinds.values()])
        self.modalities, self.shares = list(self.kinds), np.cumsum(sizes) / sizes.sum()

    def draw(self, rng: np.random.Generator, images: int, copies: int) -> IndexArray:
        """Return images * copies rows; neighbours in the order belong to one image."""
        rows: list[IndexArray] = []
        while len(rows) < images:
            choices = self.kinds[self.modalities[_drawn(self.shares, rng)]]
            ladders = choices[int(rng.integers(len(choices)))]
            first = ladders.pick(rng)
            rows.append(_copies(first, copies, rng))
            if len(rows) < images:  # another source, so that only the degradation is alike
                rows.append(_copies(ladders.pick(rng, first.source), copies, rng))
        return np.concatenate(rows)


def _drawn(shares: DoubleArray, rng: np.random.Generator) -> int:
    """Return a place drawn by cumulative shares."""
    return min(int(np.searchsorted(shares, rng.random(), side="right")), len(shares) - 1)


def _ladders(pool: Pool, among: IndexArray) -> dict[str, dict[int, dict[str, list[Ladder]]]]:
    """Return modality -> kind -> source -> ladders."""
    found: dict[str, dict[int, dict[str, list[Ladder]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    images, ladders, kinds = (value.cpu().numpy() for value in (pool.image, pool.ladder, pool.kind))
    edges = np.flatnonzero(np.diff(images[among])) + 1
    for rows in np.split(among, edges):
        for ladder in np.unique(ladders[rows]):
            members = rows[ladders[rows] == ladder]
            source = pool.sources[members[0]]
            found[pool.modalities[members[0]]][int(kinds[members[0]])][source].append(Ladder(source, members, rows))
    for by_kind in found.values():
        if len(by_kind) > 1:  # untouched copies come with the ladders
            by_kind.pop(-1, None)
    return {name: dict(by_kind) for name, by_kind in found.items()}


def _copies(ladder: Ladder, count: int, rng: np.random.Generator) -> IndexArray:
    """Return the ladder, the untouched copy in every second draw, and random copies of the image."""
    rows = ladder.rows[:count]
    if len(rows) < count and rng.random() < 0.5:
        rows = np.append(rows, ladder.image_rows[0])
    missing = count - len(rows)
    return np.concatenate((rows, ladder.image_rows[rng.integers(len(ladder.image_rows), size=missing)]))


def cut_crops(
    pool: Pool, rows: IndexArray, crops: int, rng: np.random.Generator, *, every: int, has_whole: bool = True
) -> Tensor:
    """Return the whole view and ``crops`` crops of each copy, on the pool's device: [B, 1 + crops, V, S, S].

    The ``every`` copies of an image that follow each other are cut at the same places. has_whole: without it one
    more crop takes the place of the whole view.
    """
    available = np.arange(1, pool.tiles.shape[1])
    chosen = rng.permuted(np.tile(available, (len(rows) // every, 1)), axis=1)
    whole = np.zeros((len(chosen), 1), dtype=chosen.dtype)
    places = np.hstack((whole, chosen[:, :crops])) if has_whole else chosen[:, : crops + 1]
    index = torch.from_numpy(np.repeat(places, every, axis=0))
    device = pool.tiles.device
    return pool.tiles[torch.from_numpy(rows).to(device)[:, None], index.to(device)].float()


def targets_of(pool: Pool, rows: IndexArray, rng: np.random.Generator, dropout: float) -> Targets:
    """Return what is known of copies; ``dropout`` of the factors of their prompts are hidden, of ``ALL_HIDDEN`` all."""
    index = torch.from_numpy(rows).to(pool.codes.device)
    codes = pool.codes[index]
    is_hidden = rng.random(codes.shape) < dropout
    is_hidden |= rng.random((len(rows), 1)) < ALL_HIDDEN
    return Targets(
        quality=pool.quality[index],
        fidelity=pool.fidelity[index],
        severities=pool.severities[index],
        is_known=pool.is_known[index],
        headers=pool.headers[index],
        image=pool.image[index],
        codes=codes,
        is_hidden=torch.from_numpy(is_hidden),
    )


def turned(tiles: Tensor, rng: np.random.Generator, every: int) -> Tensor:
    """Flip, transpose, re-window and bend the grey values of the copies of each image together: [B, T, V, S, S].

    What a slice does not share with those beside it is re-windowed alike, and of a share of the images kept back.
    """
    images = len(tiles) // every

    def of_copies(values: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(np.repeat(values, every)).to(tiles.device)[:, None, None, None, None]

    def number(low: float, high: float) -> Tensor:
        return of_copies(rng.uniform(low, high, images).astype(np.float32))

    for turn in (_mirrored, _upside_down, _transposed):
        tiles = torch.where(of_copies(rng.random(images) < 0.5), turn(tiles), tiles)
    views, beside = tiles[:, :, :WINDOWS], tiles[:, :, WINDOWS:]
    views = views.sign() * views.abs() ** number(-0.25, 0.25).exp()
    gain = number(0.85, 1.15)
    views = views * gain + number(-0.05, 0.05)
    if beside.shape[2] == 0:
        return views
    is_alone = of_copies(rng.random(images) < ALONE)
    return torch.cat((views, torch.where(is_alone, torch.zeros_like(beside), beside * gain)), dim=2)


def _mirrored(tiles: Tensor) -> Tensor:
    return tiles.flip(-1)


def _upside_down(tiles: Tensor) -> Tensor:
    return tiles.flip(-2)


def _transposed(tiles: Tensor) -> Tensor:
    return tiles.transpose(-1, -2)
