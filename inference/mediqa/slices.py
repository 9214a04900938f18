"""Salience of every slice, and K spread picks.

The published code takes seven fixed positions. Here each slice is measured: how much anatomy it holds
(foreground times gradient energy) and how far it stands out from its neighbours, so that one spoilt slice
of a long series is seen. The cost is a few strided passes; no slice is resampled, since averaging hides noise.
"""

from __future__ import annotations

import numpy as np

from inference.mediqa.types import DoubleArray, FloatArray, IndexArray

NEIGHBOURS = 3  # slices on either side that a slice is compared with
LINES = 96  # rows and columns looked at in a slice
OUTLIER_CAP = 3.0  # an outlier may weigh this many times the most salient ordinary slice


def salience(pixels: FloatArray) -> FloatArray:
    """Return one number >= 0 for each slice: [slices, rows, columns] -> float32 [slices].

    1 is the ordinary slice with most anatomy; a slice that stands out from its neighbours gets up to
    ``OUTLIER_CAP`` more.
    """
    if pixels.shape[0] == 1:
        return np.ones(1, dtype=np.float32)
    low, high = _range(pixels)
    measures = np.stack([_measure(plane, low, high) for plane in pixels])  # [slices, 5]
    anatomy = measures[:, 0] * measures[:, 1]
    anatomy = anatomy / max(float(anatomy.max()), 1e-12)
    return (anatomy + _outlying(measures[:, 1:])).astype(np.float32)


def salient_slices(scores: FloatArray, count: int) -> IndexArray:
    """Return up to ``count`` indices in ascending order: greedy by salience, at least N // (2 count) apart.

    Where the spacing leaves fewer than ``count`` (or N), the best of the rest fill up.
    """
    slices = len(scores)
    if slices <= count:
        return np.arange(slices, dtype=np.int64)
    spacing = slices // (2 * count)
    order = np.argsort(-scores, kind="stable")
    picked: list[int] = []
    for index in order:
        if len(picked) < count and all(abs(int(index) - other) > spacing for other in picked):
            picked.append(int(index))
    rest = [int(index) for index in order if int(index) not in set(picked)]
    return np.array(sorted(picked + rest[: count - len(picked)]), dtype=np.int64)


def _range(pixels: FloatArray) -> tuple[float, float]:
    """Robust range of the volume from about 2e5 of its pixels."""
    sample = pixels.reshape(-1)[:: max(1, pixels.size // 200_000)]
    low, high = np.percentile(sample, (1.0, 99.5))
    return float(low), float(max(high, low + 1e-6))


def _measure(plane: FloatArray, low: float, high: float) -> DoubleArray:
    """Return foreground share, log gradient energy, log fine-detail energy, mean and entropy of a slice.

    Lines are strided, but neighbours within a line are native pixels.
    """
    rows = _lines(plane, low, high)
    columns = _lines(plane.T, low, high)
    gradient = float(np.mean(np.abs(np.diff(rows))) + np.mean(np.abs(np.diff(columns))))
    detail = float(np.mean(np.abs(np.diff(rows, n=2))) + np.mean(np.abs(np.diff(columns, n=2))))
    foreground = float(np.mean(rows > 0.1))
    counts = np.histogram(rows, bins=32, range=(0.0, 1.0))[0]
    share = counts[counts > 0] / max(int(counts.sum()), 1)
    entropy = float(-(share * np.log2(share)).sum())
    return np.array([foreground, np.log1p(100 * gradient), np.log1p(100 * detail), 5 * float(rows.mean()), entropy])


def _lines(plane: FloatArray, low: float, high: float) -> DoubleArray:
    """Return up to ``LINES`` lines scaled to 0..1; lines of fewer than three pixels are repeated."""
    lines = plane[:: max(1, plane.shape[0] // LINES)].astype(np.float64)
    if lines.shape[1] < 3:
        lines = np.repeat(lines, 3, axis=1)
    return np.clip((lines - low) / (high - low), 0.0, 1.0)


def _outlying(measures: DoubleArray) -> DoubleArray:
    """Return how far each slice lies from the median of its neighbours: [slices, M] -> [slices].

    In units of a robust spread over the series; two such units are ordinary and count nothing.
    """
    slices = len(measures)
    deviation = np.empty_like(measures)
    for index in range(slices):
        near = [
            other for other in range(max(0, index - NEIGHBOURS), min(slices, index + NEIGHBOURS + 1)) if other != index
        ]
        deviation[index] = np.abs(measures[index] - np.median(measures[near], axis=0))
    spread = 1.4826 * np.median(deviation, axis=0) + 0.02
    excess = (deviation / spread).max(axis=1) - 4.0
    scaled: DoubleArray = np.clip(excess / 6.0, 0.0, OUTLIER_CAP)
    return scaled
