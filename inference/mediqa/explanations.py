"""Why a score: where in the image the patches lie that count, as numbers that can be drawn over it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inference.mediqa.types import DoubleArray, Features, FloatArray

DECIMALS = 3


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


def _boxes(tile_boxes: FloatArray) -> list[tuple[int, int, int, int]]:
    """What each tile really shows: the first the square around the slice, the others as they are."""
    (_, _, rows, columns), *crops = tile_boxes.astype(int).tolist()
    length = max(rows, columns)
    top, left = -((length - rows) // 2), -((length - columns) // 2)
    return [(top, left, top + length, left + length), *map(tuple, crops)]
