"""More contents from the ones that are there, before any physics: collages, warps, cuts and grey-value curves.

A network of half a million parameters learns a few hundred images by heart. What it is to learn is the fault and not
the image, so contents are varied as widely as the modality allows; severities are drawn afterwards, so the labels stay
true. Warps interpolate and soften the grain a little; nearly half of the variants therefore keep the real pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import DoubleArray, FloatArray, Prompt

SMALLEST_SIDE = 64  # pixels that a cut or a smaller copy leaves
FINE_SIDE = 200  # from which an image can be made coarser and still be one
WARPED, COLLAGED, CUT, CURVED = 0.55, 0.5, 0.4, 0.6  # shares of the variants
LARGEST_GAMMA = {"MR": 0.5, "US": 0.3, "OP": 0.3, "XR": 0.25, "MG": 0.25, "PT": 0.2}  # |log|; HU have a meaning


@dataclass(frozen=True)
class Variant:
    """A content that is made when it is wanted, the same each time: thousands of them need no memory."""

    item: SourceSlice
    other: SourceSlice
    seed: tuple[int, ...]

    @property
    def source(self) -> str:
        return self.item.source

    @property
    def series(self) -> str:
        return f"{self.item.series} {self.other.series} {self.seed}"

    @property
    def prompt(self) -> Prompt:
        return self.item.prompt

    @property
    def vendor(self) -> str:
        return self.item.vendor

    @property
    def parameters(self) -> Mapping[str, float]:
        return self.item.parameters

    def made(self) -> SourceSlice:
        return variant(self.item, self.other, np.random.default_rng(self.seed))


Content = SourceSlice | Variant


def made_of(content: Content) -> SourceSlice:
    """Return a content's slice."""
    return content.made() if isinstance(content, Variant) else content


def with_variants(slices: Sequence[SourceSlice], count: int, *, seed: int = 0) -> list[Content]:
    """Return the slices and ``count`` variants of each modality, by the root of the size of their sources."""
    rng = np.random.default_rng((seed, 12))
    by_modality: dict[str, dict[str, list[SourceSlice]]] = defaultdict(lambda: defaultdict(list))
    for item in slices:
        by_modality[item.prompt.modality][item.source].append(item)
    result: list[Content] = list(slices)
    for _, by_source in sorted(by_modality.items()):
        first = len(result)
        result += [
            Variant(_draw(by_source, rng), _draw(by_source, rng), (seed, 13, first + number)) for number in range(count)
        ]
    return result


def variant(item: SourceSlice, other: SourceSlice, rng: np.random.Generator) -> SourceSlice:
    """Return another content made of ``item`` and, in half of the draws, of ``other`` of the same modality."""
    if rng.random() < CUT:
        item = _cut(item, rng)
    if rng.random() < COLLAGED:
        item = _collage(item, other, rng)
    if rng.random() < WARPED:
        item = _warp(item, rng)
    if rng.random() < CURVED:
        item = _curve(item, rng)
    return item


def _draw(by_source: dict[str, list[SourceSlice]], rng: np.random.Generator) -> SourceSlice:
    names = sorted(by_source)
    weights = np.sqrt([len(by_source[name]) for name in names])
    members = by_source[str(rng.choice(names, p=weights / weights.sum()))]
    return members[int(rng.integers(len(members)))]


def _cut(item: SourceSlice, rng: np.random.Generator) -> SourceSlice:
    """Keep 0.55 to 0.95 of each side, the same part of the neighbours; an empty part is not taken."""
    rows, columns = item.pixels.shape
    high = max(min(rows, SMALLEST_SIDE), int(rows * rng.uniform(0.55, 0.95)))
    wide = max(min(columns, SMALLEST_SIDE), int(columns * rng.uniform(0.55, 0.95)))
    row, column = int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))
    part = item.pixels[row : row + high, column : column + wide]
    if part.std() < 0.3 * item.pixels.std():
        return item
    near = None if item.neighbours is None else item.neighbours[:, row : row + high, column : column + wide].copy()
    return replace(item, pixels=part.copy(), neighbours=near)


def _collage(item: SourceSlice, other: SourceSlice, rng: np.random.Generator) -> SourceSlice:
    """Put parts of another image beside those of this one, or lay it over; borders are soft.

    Neighbours are given up: nobody knows what would lie beside a collage.
    """
    shape = item.pixels.shape
    second = _fitted(_levelled(other.pixels, item), shape)
    if rng.random() < 0.5:
        second = second[:, ::-1]
    if rng.random() < 0.3:
        share: DoubleArray | float = float(rng.uniform(0.15, 0.5))
    else:
        field = smooth_field(shape, int(rng.integers(2, 5)), rng)
        share = 1 / (1 + np.exp(-(field - rng.uniform(-0.6, 0.6)) * rng.uniform(8, 40)))
    pixels = (item.pixels * (1 - share) + second * share).astype(np.float32)
    return replace(item, pixels=pixels, neighbours=None, offsets_mm=None)


def _levelled(pixels: FloatArray, target: SourceSlice) -> FloatArray:
    """Bring pixels to the range of the target; HU stay."""
    if target.prompt.modality == "CT":
        return pixels
    low, high = np.percentile(pixels, (0.5, 99.5))
    bottom, top = np.percentile(target.pixels, (0.5, 99.5))
    levelled: FloatArray = (pixels - low) * ((top - bottom) / max(high - low, 1e-6)) + bottom
    return levelled


def _fitted(pixels: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Cut the middle at native resolution where it is large enough, else interpolate up to [rows, columns]."""
    rows, columns = pixels.shape
    if rows >= shape[0] and columns >= shape[1]:
        row, column = (rows - shape[0]) // 2, (columns - shape[1]) // 2
        return pixels[row : row + shape[0], column : column + shape[1]]
    resized: FloatArray = _resized(pixels[None], (shape[0], shape[1]))[0]
    return resized


def _warp(item: SourceSlice, rng: np.random.Generator) -> SourceSlice:
    """Turn, shear, zoom and bend smoothly, the neighbours alike; a fine image may become coarser before."""
    stack = item.pixels[None] if item.neighbours is None else np.concatenate((item.pixels[None], item.neighbours))
    rows, columns = item.pixels.shape
    scale = float(rng.uniform(0.6, 1.0)) if min(rows, columns) >= FINE_SIDE else 1.0
    size = (round(rows * scale), round(columns * scale))
    tensor = torch.from_numpy(_resized(stack, size) if scale < 1 else np.ascontiguousarray(stack))
    bent = functional.grid_sample(
        tensor[None], _grid(size, rng), mode="bicubic", padding_mode="reflection", align_corners=False
    )[0].numpy()
    bent = np.clip(bent, stack.min(), stack.max()).astype(np.float32)  # bicubic overshoots at edges
    near = None if item.neighbours is None else bent[1:]
    return replace(item, pixels=bent[0], neighbours=near, spacing_mm=item.spacing_mm / scale)


def _grid(size: tuple[int, int], rng: np.random.Generator) -> torch.Tensor:
    """Return where each pixel comes from: [1, rows, columns, 2] in -1..1."""
    angle, zoom = rng.uniform(-0.5, 0.5), np.exp(rng.uniform(-0.2, 0.15))
    y, x = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]), indexing="ij")
    y, x = y * zoom, x * zoom * np.exp(rng.uniform(-0.15, 0.15)) + rng.uniform(-0.15, 0.15) * y
    y, x = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    strength = rng.uniform(0, 0.06)
    bent = [place + strength * smooth_field(size, int(rng.integers(3, 7)), rng) for place in (x, y)]
    return torch.from_numpy(np.stack(bent, axis=-1).astype(np.float32))[None]


def _curve(item: SourceSlice, rng: np.random.Generator) -> SourceSlice:
    """Bend the grey values by a power, the order of pixels kept; not those of CT."""
    largest = LARGEST_GAMMA.get(item.prompt.modality, 0.0)
    low, high = (float(value) for value in np.percentile(item.pixels, (0.1, 99.9)))
    if largest == 0 or high <= low:
        return item
    gamma = float(np.exp(rng.uniform(-largest, largest)))

    def curved(pixels: FloatArray) -> FloatArray:
        share = (pixels - low) / (high - low)
        bent: FloatArray = (np.sign(share) * np.abs(share) ** gamma * (high - low) + low).astype(np.float32)
        return bent

    near = None if item.neighbours is None else curved(item.neighbours)
    return replace(item, pixels=curved(item.pixels), neighbours=near)


def smooth_field(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> DoubleArray:
    """Return smooth noise of about ``cells`` bumps a side, mean 0, standard deviation 1: [rows, columns]."""
    coarse = torch.from_numpy(rng.normal(size=(1, 1, cells + 1, cells + 1)))
    field = functional.interpolate(coarse, size=shape[:2], mode="bicubic", align_corners=True)[0, 0].numpy()
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6))


def _resized(planes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Interpolate [n, rows, columns] without aliasing."""
    tensor = torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))[None]
    result: FloatArray = functional.interpolate(
        tensor, size=size, mode="bilinear", align_corners=False, antialias=True
    )[0].numpy()
    return result
