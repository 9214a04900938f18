"""Which copies a step of pre-training sees: pairs of images of a modality with the same kind of ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.mediqa.pretraining.pool import Pool

IndexArray = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Ladder:
    """The copies of one image that differ in one kind, and all copies of that image."""

    source: str
    rows: IndexArray
    image_rows: IndexArray


class Sampler:
    """Draws copies: modality by the root of its size, then a kind, then images of different sources."""

    def __init__(self, pool: Pool) -> None:
        self.ladders = _ladders(pool)
        self.modalities = sorted(self.ladders)
        sizes = np.array([sum(len(one) for one in self.ladders[name].values()) for name in self.modalities])
        self.shares = np.sqrt(sizes) / np.sqrt(sizes).sum()

    def draw(self, rng: np.random.Generator, images: int, copies: int) -> IndexArray:
        """Return images * copies rows; neighbours in the order belong to one image."""
        rows: list[IndexArray] = []
        while len(rows) < images:
            by_kind = self.ladders[str(rng.choice(self.modalities, p=self.shares))]
            ladders = by_kind[sorted(by_kind)[int(rng.integers(len(by_kind)))]]
            first = self._pick(ladders, rng, "")
            rows.append(_copies(first, copies, rng))
            if len(rows) < images:  # another source, so that only the degradation is alike
                rows.append(_copies(self._pick(ladders, rng, first.source), copies, rng))
        return np.concatenate(rows)

    @staticmethod
    def _pick(ladders: Mapping[str, Sequence[Ladder]], rng: np.random.Generator, taken: str) -> Ladder:
        """Pick a source, not the one taken if there is another, then a ladder of it."""
        names = [name for name in sorted(ladders) if name != taken] or sorted(ladders)
        weights = np.sqrt([len(ladders[name]) for name in names])
        name = str(rng.choice(names, p=weights / weights.sum()))
        return ladders[name][int(rng.integers(len(ladders[name])))]


def _ladders(pool: Pool) -> dict[str, dict[int, dict[str, list[Ladder]]]]:
    """Return modality -> kind -> source -> ladders."""
    found: dict[str, dict[int, dict[str, list[Ladder]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    images, ladders, kinds = pool.image.numpy(), pool.ladder.numpy(), pool.kind.numpy()
    edges = np.flatnonzero(np.diff(images)) + 1
    for rows in np.split(np.arange(len(pool)), edges):
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
    return np.concatenate((rows, rng.choice(ladder.image_rows, size=missing))) if missing else rows


def cut_crops(pool: Pool, rows: IndexArray, crops: int, rng: np.random.Generator, *, has_whole: bool = True) -> Tensor:
    """Return the whole view and ``crops`` crops of each copy, the same places for a ladder: [B, 1 + crops, 2, S, S].

    has_whole: without it one more crop takes the place of the whole view.
    """
    available = pool.tiles.shape[1] - 1
    places: dict[int, IndexArray] = {}
    tiles = []
    for row in rows:
        key = int(pool.image[row])
        if key not in places:
            chosen = 1 + rng.permutation(available)
            places[key] = np.concatenate(([0], chosen[:crops])) if has_whole else chosen[: crops + 1]
        tiles.append(pool.tiles[int(row)][torch.from_numpy(places[key])])
    return torch.stack(tiles).float()


def turned(tiles: Tensor, rng: np.random.Generator, every: int) -> Tensor:
    """Flip, transpose, re-window and bend the grey values of the copies of each image together: [B, T, 2, S, S]."""
    parts = []
    for start in range(0, len(tiles), every):
        part = tiles[start : start + every]
        flips = [axis for axis in (-1, -2) if rng.random() < 0.5]
        part = part.flip(flips) if flips else part
        part = part.transpose(-1, -2) if rng.random() < 0.5 else part
        part = part.sign() * part.abs() ** float(np.exp(rng.uniform(-0.25, 0.25)))
        parts.append(part * rng.uniform(0.85, 1.15) + rng.uniform(-0.05, 0.05))
    return torch.cat(parts)
