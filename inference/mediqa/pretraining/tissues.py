"""Bodies that nobody has: cross sections of CT and MR out of random tissues.

Regions are the level sets of smooth noise and each gets values of its own, so that contents differ in everything but
the physics (after Billot et al., "SynthSeg", Med Image Anal 86:102789, 2023, with shapes in place of label maps).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from inference.mediqa.pretraining.augmentation import smooth_field
from inference.mediqa.types import DoubleArray

SOFT_HU, FAT_HU, BONE_HU, LUNG_HU, AIR_HU = 50.0, -100.0, 450.0, -820.0, -1000.0


def ct_section(rng: np.random.Generator) -> DoubleArray:
    """A slice in HU: fat under the skin, organs, bones, often lungs or bowel gas, vessels, a table's worth of noise."""
    side = int(rng.integers(256, 513))
    radius = _outline(side, rng)
    image = np.full((side, side), SOFT_HU) + 18 * _steps(side, rng, levels=6)
    image += 6 * smooth_field((side, side), 24, rng)
    if rng.random() < 0.5:  # enhanced vessels
        image += rng.uniform(40, 250) * _spots(side, rng, count=int(rng.integers(4, 40)), largest=0.02)
    image[smooth_field((side, side), 5, rng) > rng.uniform(0.8, 2.0)] = FAT_HU
    if rng.random() < 0.6:
        lung = smooth_field((side, side), 4, rng) > rng.uniform(0.3, 1.6)
        image[lung] = LUNG_HU
        image += np.where(lung, 500 * _spots(side, rng, count=80, largest=0.006), 0)
    bone = _spots(side, rng, count=int(rng.integers(2, 16)), largest=0.05)
    image = np.where(bone > 0.5, BONE_HU * (0.5 + bone) + 120 * smooth_field((side, side), 40, rng), image)
    image[radius > rng.uniform(0.82, 0.97)] = FAT_HU
    image[radius > 1] = AIR_HU
    image = gaussian_filter(image, rng.uniform(0.5, 0.9))
    return np.asarray(image + gaussian_filter(rng.normal(0, rng.uniform(4, 16), image.shape), 0.6))


def mr_section(rng: np.random.Generator) -> DoubleArray:
    """A magnitude slice: a rim, then tissues of random signal with fine structure, dark air."""
    side = int(rng.choice([80, 128, 160, 192, 256, 320, 384]))
    radius = _outline(side, rng)
    levels = rng.uniform(0.1, 1.0, size=int(rng.integers(4, 9)))
    image = levels[(_ranks(_mixture(side, rng)) * len(levels)).astype(int).clip(0, len(levels) - 1)]
    image = image * (1 + 0.05 * smooth_field((side, side), max(4, side // 8), rng))
    image += rng.uniform(-0.3, 0.6) * _spots(side, rng, count=int(rng.integers(0, 30)), largest=0.03)
    rim = rng.uniform(0.75, 0.97)
    image = np.where(radius > rim, rng.uniform(0.05, 1.2), image)
    image = np.where(np.abs(radius - rim) < 0.02, rng.uniform(0, 0.4), image)
    image = np.where(radius > 1, 0.0, np.clip(image, 0, None))
    image = gaussian_filter(image, rng.uniform(0.45, 0.8))
    noise = rng.normal(0, rng.uniform(0.003, 0.015), size=(2, side, side))
    return np.asarray(1000 * np.hypot(image + noise[0], noise[1]))


def _outline(side: int, rng: np.random.Generator) -> DoubleArray:
    """Distance from the middle in units of a wavy ellipse: 1 at the skin."""
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    x, y = x - rng.uniform(-0.05, 0.05), y - rng.uniform(-0.05, 0.05)
    angle = np.arctan2(y, x)
    waves = sum(rng.normal(0, 0.05) * np.cos(order * angle + rng.uniform(0, 6.3)) for order in (2, 3, 4, 5))
    return np.asarray(np.hypot(x / rng.uniform(0.3, 0.55), y / rng.uniform(0.25, 0.5)) * (1 + waves))


def _mixture(side: int, rng: np.random.Generator) -> DoubleArray:
    return np.asarray(
        sum(
            weight * smooth_field((side, side), cells, rng)
            for cells, weight in ((3, 1.0), (7, 0.7), (16, rng.uniform(0.2, 0.8)))
        )
    )


def _steps(side: int, rng: np.random.Generator, levels: int) -> DoubleArray:
    """Organs: plateaus of smooth noise, -1.5 to 1.5."""
    ranks = _ranks(_mixture(side, rng))
    return np.asarray(rng.uniform(-1.5, 1.5, size=levels)[(ranks * levels).astype(int).clip(0, levels - 1)])


def _ranks(field: DoubleArray) -> DoubleArray:
    """Share of values below, roughly, by the normal shape of the field."""
    return np.asarray(1 / (1 + np.exp(-1.7 * field / max(float(field.std()), 1e-6))))


def _spots(side: int, rng: np.random.Generator, count: int, largest: float) -> DoubleArray:
    """Discs and ovals with soft rims, 0..1: vessels, nodes, cross sections of bones."""
    image = np.zeros((side, side))
    for _ in range(count):
        radius = rng.uniform(0.25, 1.0) * largest * side
        row, column = rng.uniform(0.12, 0.88, size=2) * side
        reach = int(2.5 * radius) + 3
        rows = np.arange(max(int(row) - reach, 0), min(int(row) + reach, side))
        columns = np.arange(max(int(column) - reach, 0), min(int(column) + reach, side))
        ratio = rng.uniform(0.5, 1.0)
        distance = np.hypot((rows[:, None] - row) / ratio, columns[None, :] - column)
        area = np.ix_(rows, columns)
        image[area] = np.maximum(image[area], 1 / (1 + np.exp((distance - radius) / 0.5)))
    return image
