"""Why a score: where in the image the patches lie that count, as numbers that can be drawn over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.mediqa.types import DoubleArray, Features, FloatArray

DECIMALS = 3
ALIKE = 10.0**-DECIMALS  # weights that differ by less don't differ


@dataclass(frozen=True)
class TileMap:
    """box: (row0, col0, row1, col1) in native pixels. weights: [G, G] in row order over the box, 1 the largest of
    the image. The first tile of a slice is the whole slice, the others are crops of it."""

    box: tuple[int, int, int, int]
    weights: DoubleArray


@dataclass(frozen=True)
class PatchMap:
    """One slice of the image, counted from 0 in anatomical order, with its tiles."""

    slice_index: int
    tiles: tuple[TileMap, ...]

    def to_document(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "slice": self.slice_index,
            "tiles": [{"box": list(tile.box), "weights": tile.weights.tolist()} for tile in self.tiles],
        }


def patch_maps(features: Features, patch_weights: FloatArray) -> list[PatchMap]:
    """Return a map for each slice that was looked at.

    patch_weights: [K, N], as in ``Scored``. The whole view is letterboxed to a square before it is looked at; its box
    is that square, which reaches over the image where rows and columns differ.
    """
    slices, tiles = features.tile_boxes.shape[:2]
    side = math.isqrt(patch_weights.shape[1] // tiles)
    relative = patch_weights / max(float(patch_weights.max()), 1e-9)
    grids = np.round(relative.reshape(slices, tiles, side, side).astype(float), DECIMALS)
    return [
        PatchMap(int(index), tuple(TileMap(*pair) for pair in zip(_boxes(boxes), grid, strict=True)))
        for index, boxes, grid in zip(features.slice_indices, features.tile_boxes, grids, strict=True)
    ]


def weights_over(tiles: Sequence[TileMap], size: tuple[int, ...], shape: tuple[int, int]) -> DoubleArray:
    """Return how much each place of a slice counted, [height, width] of ``shape`` over its ``size`` (rows, columns).

    The mean of the tiles that show a place, the whole view and crops; in each tile linearly from patch to patch.
    """
    total, number = np.zeros(shape), np.zeros(shape)
    for tile in tiles:
        top, left, bottom, right = tile.box
        down = _mixed(shape[0], size[0], (top, bottom), len(tile.weights))
        across = _mixed(shape[1], size[1], (left, right), len(tile.weights[0]))
        total += down @ tile.weights @ across.T
        number += down.sum(axis=1)[:, None] * across.sum(axis=1)
    result: DoubleArray = total / np.maximum(number, 1)
    return result


def spread(counted: DoubleArray) -> DoubleArray:
    """Return shares of 0..1, from what counts least in an image to what counts most; 0 where all counts alike."""
    low, high = counted.min(), counted.max()
    result: DoubleArray = (counted - low) / (high - low if high - low > ALIKE else np.inf)
    return result


def _mixed(length: int, native: int, ends: tuple[int, int], cells: int) -> DoubleArray:
    """Return [length, cells]: of what cells between the ends a point along ``native`` pixels is mixed, linearly from
    middle to middle; 0 outside."""
    pixels = (np.arange(length) + 0.5) * native / length
    places = (pixels - ends[0]) / (ends[1] - ends[0]) * cells
    shares = np.stack([np.interp(places - 0.5, np.arange(cells), own) for own in np.eye(cells)], axis=1)
    result: DoubleArray = shares * ((places >= 0) & (places < cells))[:, None]
    return result


def _boxes(tile_boxes: FloatArray) -> list[tuple[int, int, int, int]]:
    """What each tile really shows: the first the square around the slice, the others as they are."""
    (_, _, rows, columns), *crops = tile_boxes.astype(int).tolist()
    length = max(rows, columns)
    top, left = -((length - rows) // 2), -((length - columns) // 2)
    return [(top, left, top + length, left + length), *map(tuple, crops)]
