"""Pseudo-experts: scores 0 to 4 for simulated images, from full-reference metrics against the clean original.

They are NOT radiologists. They know the original, which no reader does, and they mind what the metrics mind:
pixels, structure and gradients, nothing clinical. They serve to compare methods, not to say how good one is.

How: original and copy are brought to the screen's range of the original and averaged down to about 256 pixels (as
the authors of SSIM advise for a viewing distance); five metrics are taken; each is mapped to 0..4 by one table for
all modalities; their mean is the image's quality. Three pseudo-readers see it with a bias and with noise and give
whole numbers; their mean is the score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inference.mediqa.benchmark.full_reference import METRICS, MINIMUM_SIDE
from inference.mediqa.metrics import srocc
from inference.mediqa.types import DoubleArray, FloatArray, Scale

SCALE = Scale(0.0, 4.0)
VIEWED_SIDE = 256
# Metric values at the scores 0, 1, 2, 3, 4: percentiles 5, 25, 50 and 75 (from the bad end) of the degraded copies of
# the development images over all modalities, and what counts as equal. They are fixed, so that a score does not
# depend on what else is in a set.
ANCHORS: Mapping[str, tuple[float, ...]] = {
    "ssim": (0.14, 0.53, 0.78, 0.93, 1.0),
    "ms_ssim": (0.66, 0.88, 0.965, 0.993, 1.0),
    "gmsd": (0.29, 0.17, 0.083, 0.022, 0.0),
    "psnr": (14.4, 22.2, 28.1, 35.7, 60.0),
    "vif": (0.12, 0.27, 0.46, 0.66, 1.0),
}


@dataclass(frozen=True)
class PseudoReaders:
    """biases: what each adds; noise_std: of one reading; both in score units. Each gives whole numbers 0..4."""

    biases: tuple[float, ...] = (-0.25, 0.0, 0.25)
    noise_std: float = 0.35

    def mean_score(self, quality: float, rng: np.random.Generator) -> float:
        """Return the mean of the readers' scores for an image of this quality."""
        seen = quality + np.array(self.biases) + rng.normal(0.0, self.noise_std, len(self.biases))
        return float(np.clip(np.rint(seen), SCALE.minimum, SCALE.maximum).mean())


READERS = PseudoReaders()


def reference_metrics(original: FloatArray, copy: FloatArray, low: float, high: float) -> dict[str, float]:
    """Return each metric of a copy: [rows, columns] twice, in modality units; low..high is what a screen shows."""
    x, y = (viewed(plane, low, high) for plane in (original, copy))
    return {name: metric(x, y) for name, metric in METRICS.items()}


def viewed(plane: FloatArray, low: float, high: float) -> DoubleArray:
    """Return the plane as seen: cut to the screen's range 0..1, averaged down by a whole factor."""
    shown = np.clip((plane.astype(np.float64) - low) / max(high - low, 1e-6), 0.0, 1.0)
    factor = max(1, min(round(min(shown.shape) / VIEWED_SIDE), min(shown.shape) // MINIMUM_SIDE))
    rows, columns = (length // factor * factor for length in shown.shape)
    blocks = shown[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    result: DoubleArray = blocks.mean(axis=(1, 3))
    return result


def quality_of(metrics: Mapping[str, float]) -> float:
    """Return the mean of the metrics' scores, 0..4; 4 is the original itself."""
    return float(np.mean([_score(name, value) for name, value in metrics.items()]))


def ceiling(qualities: Sequence[float], scores: Sequence[float]) -> float:
    """Return the SROCC of the readers' mean with the noise-free quality: no method can be expected above it."""
    return srocc(scores, qualities)


def _score(name: str, value: float) -> float:
    anchors = np.array(ANCHORS[name])
    sign = 1.0 if anchors[-1] > anchors[0] else -1.0
    return float(np.interp(sign * value, sign * anchors, np.arange(len(anchors))))
