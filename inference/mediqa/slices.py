"""Salience of every slice, a second look at those that stand out, and K spread picks.

The published code takes seven fixed positions. Here each slice is measured: how much anatomy it holds
(foreground times gradient energy) and how far it stands out from its neighbours, so that one spoilt slice
of a long series, or a few beside each other, are seen. The cost is a few strided passes; no slice is resampled,
since averaging hides noise.
"""

from __future__ import annotations

import numpy as np

from inference.mediqa.types import DoubleArray, FloatArray, IndexArray

NEIGHBOURS = 3  # slices on either side that a slice is compared with
LINES = 64  # rows and columns looked at in a slice
BINS = 32
ORDINARY = 1.0  # the most that a slice gets for its anatomy; what lies above stands out
OUTLIER_CAP = 3.0  # and the most that it gets above that
LONGEST_RUN = 3  # spoilt slices beside each other that are still seen
ORDINARY_DEVIATION = 4.0  # from the neighbours, in robust standard deviations of the series
RUN_DEVIATION = 2.0  # more for each further slice of a run, since anatomy lasts, too
DEVIATION_UNIT = 6.0


def salience(pixels: FloatArray) -> FloatArray:
    """Return one number >= 0 for each slice: [slices, rows, columns] -> float32 [slices].

    Up to 1 for anatomy (1 is the slice with most of it). A slice that stands out from its neighbours has more than
    1, up to 1 + ``OUTLIER_CAP``, whatever it shows.
    """
    if pixels.shape[0] == 1:
        return np.ones(1, dtype=np.float32)
    low, high = _range(pixels)
    measures = np.stack([_measure(plane, low, high) for plane in pixels])  # [slices, 5]
    anatomy = measures[:, 0] * measures[:, 1]
    anatomy = ORDINARY * anatomy / max(float(anatomy.max()), 1e-12)
    outlying = _outlying(measures[:, 1:])
    return np.where(outlying > 0, ORDINARY + outlying, anatomy).astype(np.float32)


def salient_slices(scores: FloatArray, count: int) -> IndexArray:
    """Return up to ``count`` indices in ascending order.

    First the second look: up to ``count // 2 + 1`` slices that stand out (salience above 1), the furthest out first,
    wherever they lie. Then the most salient of the rest, more than N // (2 count) apart from each other and from
    those. Where the spacing leaves fewer than ``count`` (or N), the best of what is left fill up.
    """
    slices = len(scores)
    if slices <= count:
        return np.arange(slices, dtype=np.int64)
    order = [int(index) for index in np.argsort(-scores, kind="stable")]
    picked = [index for index in order if scores[index] > ORDINARY][: count // 2 + 1]
    spacing = slices // (2 * count)
    for index in order:
        if len(picked) < count and all(abs(index - other) > spacing for other in picked):
            picked.append(index)
    rest = [index for index in order if index not in set(picked)]
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
    steps = [np.diff(lines) for lines in (rows, columns)]
    gradient = sum(float(np.mean(np.abs(step))) for step in steps)
    detail = sum(float(np.mean(np.abs(np.diff(step)))) for step in steps)
    foreground = np.count_nonzero(rows > 0.1) / rows.size
    entropy = _entropy(rows)
    return np.array([foreground, np.log1p(100 * gradient), np.log1p(100 * detail), 5 * float(rows.mean()), entropy])


def _lines(plane: FloatArray, low: float, high: float) -> FloatArray:
    """Return up to ``LINES`` lines scaled to 0..1; lines of fewer than three pixels are repeated."""
    lines = plane[:: max(1, plane.shape[0] // LINES)]
    if lines.shape[1] < 3:
        lines = np.repeat(lines, 3, axis=1)
    scale = np.float32(1 / (high - low))
    scaled: FloatArray = lines * scale
    scaled -= np.float32(low) * scale
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def _entropy(lines: FloatArray) -> float:
    """Of the values 0..1 in ``BINS`` bins, in bits."""
    counts = np.bincount((lines.ravel() * np.float32(BINS - 1e-3)).astype(np.int8), minlength=BINS)
    share = counts[counts > 0] / max(int(counts.sum()), 1)
    return float(-(share * np.log2(share)).sum())


def _outlying(measures: DoubleArray) -> DoubleArray:
    """Return how far each slice lies from its neighbours on both sides: [slices, M] -> [slices].

    Alone, or in a run of up to ``LONGEST_RUN``, whose slices are no neighbours of one another: spoilt slices beside
    each other would hide each other.
    """
    before, after = _beside(measures), _beside(measures[::-1])[:, ::-1]
    longest = min(LONGEST_RUN, len(measures))
    found = [_outlying_in_runs(measures, before, after, length) for length in range(1, longest + 1)]
    largest: DoubleArray = np.max(found, axis=0)
    return largest


def _beside(measures: DoubleArray) -> DoubleArray:
    """Return the median of up to ``NEIGHBOURS`` slices before each place, and how much these drift.

    [slices, M] -> [2, slices + 1, M]; before the first there are none, and the median is infinite.
    """
    found = np.zeros((2, len(measures) + 1, measures.shape[1]))
    found[0, 0] = np.inf
    for place in range(1, len(measures) + 1):
        near = measures[max(0, place - NEIGHBOURS) : place]
        found[:, place] = np.median(near, axis=0), np.abs(near[-1] - near[0])
    return found


def _outlying_in_runs(measures: DoubleArray, before: DoubleArray, after: DoubleArray, length: int) -> DoubleArray:
    """Return how far each slice of a run lies from those on both sides of it, 0 to ``OUTLIER_CAP``.

    In units of a robust spread over the series; a few such units are ordinary and count nothing. Where anatomy
    begins or ends a slice differs from one side only, or as much as that side drifts by itself: that is no outlier.
    """
    deviation = np.zeros_like(measures)
    count = len(measures) - length + 1  # of the places where a run can begin
    for place in range(length):
        members = slice(place, place + count)
        sides = [
            np.abs(measures[members] - middle) - drift
            for middle, drift in (before[:, :count], after[:, length:][:, :count])
        ]
        nearer = np.clip(np.minimum(*sides), 0.0, None)
        nearer[[0, -1]] /= 2  # with one side only an end of the anatomy looks like an outlier
        deviation[members] = np.maximum(deviation[members], np.where(np.isfinite(nearer), nearer, 0.0))
    spread = 1.4826 * np.median(deviation, axis=0) + 0.02
    excess = (deviation / spread).max(axis=1) - ORDINARY_DEVIATION - RUN_DEVIATION * (length - 1)
    scaled: DoubleArray = np.clip(excess / DEVIATION_UNIT, 0.0, OUTLIER_CAP)
    return scaled
