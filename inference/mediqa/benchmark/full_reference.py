"""Full-reference metrics: how far a degraded image lies from its clean original. numpy and scipy only.

Every metric takes (original, degraded), two [rows, columns] arrays on a screen's range 0..1 with at least
``MINIMUM_SIDE`` pixels a side, and raises ValueError for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from inference.mediqa.types import DoubleArray

FullReference = Callable[[npt.ArrayLike, npt.ArrayLike], float]
MINIMUM_SIDE = 48  # pixels of images that are compared
SSIM_SIGMA, SSIM_RADIUS = 1.5, 5
C1, C2 = 0.01**2, 0.03**2
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
GMSD_C = 170.0 / 255**2  # published as 170 for values 0..255
VIF_NOISE = 2.0  # variance of the visual noise for values 0..255
BEST_PSNR_DB = 100.0


def psnr(original: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Peak signal to noise ratio in dB for a peak of 1; ``BEST_PSNR_DB`` at most."""
    x, y = _pair(original, degraded)
    squared = float(np.mean((x - y) ** 2))
    return min(BEST_PSNR_DB, -10 * math.log10(max(squared, 1e-12)))


def ssim(original: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Structural similarity, Gaussian window of sigma 1.5 (Wang et al., IEEE TIP 13:600, 2004); 1 is equal."""
    x, y = _pair(original, degraded)
    luminance, contrast = _ssim_maps(x, y)
    return float((luminance * contrast).mean())


def ms_ssim(original: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Multi-scale SSIM (Wang et al., Asilomar 2003); 1 is equal.

    Five scales, fewer where an image is too small, their weights then brought to the same sum.
    """
    x, y = _pair(original, degraded)
    scales = max(1, min(len(MS_SSIM_WEIGHTS), int(math.log2(min(x.shape) / (2 * SSIM_RADIUS + 1))) + 1))
    weights = np.array(MS_SSIM_WEIGHTS[:scales]) / sum(MS_SSIM_WEIGHTS[:scales])
    parts = []
    for scale in range(scales):
        luminance, contrast = _ssim_maps(x, y)
        parts.append((luminance * contrast if scale == scales - 1 else contrast).mean())
        x, y = _halved(x), _halved(y)
    return float(np.prod(np.maximum(parts, 0.0) ** weights))


def gmsd(original: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Gradient magnitude similarity deviation (Xue et al., IEEE TIP 23:684, 2014); 0 is equal, larger worse."""
    first, second = (_gradient_magnitude(_halved(value)) for value in _pair(original, degraded))
    similarity = (2 * first * second + GMSD_C) / (first**2 + second**2 + GMSD_C)
    return float(similarity.std())


def vif(original: npt.ArrayLike, degraded: npt.ArrayLike) -> float:
    """Visual information fidelity in the pixel domain, four scales (Sheikh and Bovik, IEEE TIP 15:430, 2006).

    1 is equal, 0 nothing left; a contrast enhanced may exceed 1.
    """
    x, y = (255 * value for value in _pair(original, degraded))
    kept = total = 0.0
    for scale in range(1, 5):
        window = _gaussian(2 ** (5 - scale) + 1)
        if scale > 1:
            x, y = _filtered(x, window)[::2, ::2], _filtered(y, window)[::2, ::2]
        numerator, denominator = _information(x, y, window)
        kept, total = kept + numerator, total + denominator
    return kept / total if total > 0 else 1.0


METRICS: Mapping[str, FullReference] = {"ssim": ssim, "ms_ssim": ms_ssim, "gmsd": gmsd, "psnr": psnr, "vif": vif}


def _pair(original: npt.ArrayLike, degraded: npt.ArrayLike) -> tuple[DoubleArray, DoubleArray]:
    x, y = np.asarray(original, dtype=np.float64), np.asarray(degraded, dtype=np.float64)
    if x.ndim != 2 or x.shape != y.shape or min(x.shape) < MINIMUM_SIDE:
        raise ValueError(f"Expected two images of one size, {MINIMUM_SIDE} a side at least: {x.shape}, {y.shape}.")
    return x, y


def _ssim_maps(x: DoubleArray, y: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the maps of luminance and of contrast times structure, the border cut off."""
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    contrast = (2 * covariance + C2) / (variance_x + variance_y + C2)
    inside = slice(SSIM_RADIUS, -SSIM_RADIUS)
    return luminance[inside, inside], contrast[inside, inside]


def _smooth(image: DoubleArray) -> DoubleArray:
    result: DoubleArray = ndimage.gaussian_filter(image, SSIM_SIGMA, radius=SSIM_RADIUS)
    return result


def _halved(image: DoubleArray) -> DoubleArray:
    """Mean of blocks of 2 x 2; an odd last line is dropped."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    result: DoubleArray = image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    return result


def _gradient_magnitude(image: DoubleArray) -> DoubleArray:
    """Prewitt, as in the paper: each difference is the mean of three."""
    result: DoubleArray = np.hypot(ndimage.prewitt(image, axis=0) / 3, ndimage.prewitt(image, axis=1) / 3)
    return result


def _gaussian(side: int) -> DoubleArray:
    ticks = np.arange(side) - side // 2
    window = np.exp(-(ticks**2) / (2 * (side / 5.0) ** 2))
    result: DoubleArray = window / window.sum()
    return result


def _filtered(image: DoubleArray, window: DoubleArray) -> DoubleArray:
    """Separable filter, only where the window lies within the image."""
    reach = len(window) // 2
    filtered = ndimage.correlate1d(ndimage.correlate1d(image, window, axis=0), window, axis=1)
    result: DoubleArray = filtered[reach : image.shape[0] - reach, reach : image.shape[1] - reach]
    return result


def _information(x: DoubleArray, y: DoubleArray, window: DoubleArray) -> tuple[float, float]:
    """Return the information that the degraded image keeps at one scale, and that of the original."""
    mean_x, mean_y = _filtered(x, window), _filtered(y, window)
    variance_x = np.maximum(_filtered(x * x, window) - mean_x**2, 0.0)
    variance_y = np.maximum(_filtered(y * y, window) - mean_y**2, 0.0)
    covariance = _filtered(x * y, window) - mean_x * mean_y
    gain = np.where(variance_x > 1e-10, covariance / np.maximum(variance_x, 1e-10), 0.0)
    left = np.where(gain < 0, variance_y, variance_y - gain * covariance)
    gain = np.maximum(gain, 0.0)
    left = np.maximum(left, 1e-10)
    kept = np.log10(1 + gain**2 * variance_x / (left + VIF_NOISE)).sum()
    return float(kept), float(np.log10(1 + variance_x / VIF_NOISE).sum())
