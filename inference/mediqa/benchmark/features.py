"""Hand-made features of an image: what was known of no-reference quality before networks. numpy and scipy only.

Natural-scene statistics as in BRISQUE (Mittal et al., IEEE TIP 21:4695, 2012), spectra, noise estimates
(Immerkaer, CVIU 64:300, 1996; Donoho and Johnstone, Biometrika 81:425, 1994), gradients, histogram, blockiness
(after Wang et al., ICIP 2002). Planes are [rows, columns] on a screen's range 0..1, native resolution.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import gamma

from inference.mediqa.preprocessing import checked_pixels, chosen_slices, window_ranges, windowed
from inference.mediqa.slices import salience
from inference.mediqa.types import DoubleArray, FloatArray, ImageArray

MSCN_SIGMA, MSCN_RADIUS = 7 / 6, 3
MSCN_STABILISER = 1 / 255
SHAPES = np.arange(0.2, 10.0, 0.01)
GGD_RATIOS = gamma(1 / SHAPES) * gamma(3 / SHAPES) / gamma(2 / SHAPES) ** 2
AGGD_RATIOS = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
LARGEST_SIDE = 384  # of the part that is looked at, cut from the middle at native resolution
SMALL = 1e-6
NATURAL_SCENE = 36
MEASURED = 64  # all of them
SLICES = 5


def measured_features(image: ImageArray) -> DoubleArray:
    """Return [MEASURED] numbers: the mean over the salient slices. Raises UnscorableImage."""
    pixels = checked_pixels(image.pixels)
    chosen = chosen_slices(salience(pixels), image, SLICES)
    ranges = window_ranges(pixels[chosen], image)
    views = [windowed(pixels[index], ranges, is_inverted=image.is_inverted) for index in chosen]
    result: DoubleArray = np.mean([plane_features(view[0]) for view in views], axis=0)
    return result


def plane_features(plane: FloatArray) -> DoubleArray:
    """Return [MEASURED] numbers of a plane, the ``NATURAL_SCENE`` ones first."""
    middle = _middle(plane)
    parts = [natural_scene_statistics(middle), _spectrum(middle), _noise(middle), _gradients(middle)]
    everything = np.concatenate([*parts, _histogram(plane), _blockiness(middle)])
    result: DoubleArray = np.nan_to_num(everything, posinf=0.0, neginf=0.0)
    return result


def signal_to_noise(image: ImageArray) -> float:
    """Mean of the foreground over Immerkaer's noise in the first salient slice, log10. Raises UnscorableImage."""
    pixels = checked_pixels(image.pixels)
    chosen = chosen_slices(salience(pixels), image, 1)
    view = windowed(pixels[chosen[0]], window_ranges(pixels[chosen], image), is_inverted=image.is_inverted)[0]
    foreground = view[view > 0.1]
    signal = float(foreground.mean()) if foreground.size else float(view.mean())
    return float(np.log10(max(signal, SMALL) / max(immerkaer(view), SMALL)))


def natural_scene_statistics(plane: FloatArray) -> DoubleArray:
    """Return the 36 numbers of BRISQUE: at two scales a GGD of the MSCN and an AGGD of each neighbour product."""
    halved = ndimage.zoom(plane, 0.5, order=1) if min(plane.shape) >= 32 else plane
    return np.concatenate([_scene_at(plane), _scene_at(halved)])


def mscn(plane: FloatArray) -> FloatArray:
    """Mean-subtracted contrast-normalised coefficients, [rows, columns]."""
    mean = ndimage.gaussian_filter(plane, MSCN_SIGMA, radius=MSCN_RADIUS)
    variance = ndimage.gaussian_filter(plane * plane, MSCN_SIGMA, radius=MSCN_RADIUS) - mean * mean
    result: FloatArray = (plane - mean) / (np.sqrt(np.maximum(variance, 0.0)) + MSCN_STABILISER)
    return result


def generalised_gaussian(values: FloatArray) -> tuple[float, float]:
    """Return (shape, variance) by moment matching (Sharifi and Leon-Garcia, IEEE TCSVT 5:52, 1995)."""
    variance = float(np.mean(values * values))
    ratio = variance / max(float(np.mean(np.abs(values))) ** 2, SMALL**2)
    return float(SHAPES[np.argmin(np.abs(GGD_RATIOS - ratio))]), variance


def asymmetric_gaussian(values: FloatArray) -> tuple[float, float, float, float]:
    """Return (shape, mean, left variance, right variance) by moment matching (Lasmar et al., ICIP 2009)."""
    squares = values * values
    is_left = values < 0
    left, right = (float(part.mean()) if part.size else SMALL for part in (squares[is_left], squares[~is_left]))
    left, right = max(left, SMALL), max(right, SMALL)
    balance = np.sqrt(left / right)
    ratio = float(np.mean(np.abs(values))) ** 2 / max(float(squares.mean()), SMALL)
    wanted = ratio * (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
    shape = float(SHAPES[np.argmin(np.abs(AGGD_RATIOS - wanted))])
    mean = (np.sqrt(right) - np.sqrt(left)) * gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
    return shape, float(mean), left, right


def immerkaer(plane: FloatArray) -> float:
    """Standard deviation of white noise from the response to a mask that edges hardly touch."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = ndimage.convolve(plane, mask)[1:-1, 1:-1]
    return float(np.abs(response).mean() * np.sqrt(np.pi / 2) / 6)


def wavelet_noise(plane: FloatArray) -> float:
    """Standard deviation of white noise from the median of the finest diagonal Haar coefficients."""
    rows, columns = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    even = plane[:rows, :columns]
    diagonal = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.median(np.abs(diagonal)) / 0.6745)


def _middle(plane: FloatArray) -> FloatArray:
    rows, columns = plane.shape
    top, left = max(0, (rows - LARGEST_SIDE) // 2), max(0, (columns - LARGEST_SIDE) // 2)
    return np.ascontiguousarray(plane[top : top + LARGEST_SIDE, left : left + LARGEST_SIDE])


def _scene_at(plane: FloatArray) -> DoubleArray:
    coefficients = mscn(plane)
    numbers = list(generalised_gaussian(coefficients))
    for down, right in SHIFTS:
        moved = np.roll(coefficients, (down, right), axis=(0, 1))
        numbers += asymmetric_gaussian(coefficients * moved)
    return np.array(numbers)


def _spectrum(plane: FloatArray) -> DoubleArray:
    """Slopes of the radial log spectrum (2), log power in 4 bands, high-band power along rows and columns (2)."""
    side = min(256, *plane.shape)
    top, left = (plane.shape[0] - side) // 2, (plane.shape[1] - side) // 2
    window = np.hanning(side)[:, None] * np.hanning(side)[None, :]
    part = plane[top : top + side, left : left + side]
    power = np.abs(np.fft.rfft2((part - part.mean()) * window)) ** 2 / side**2
    row, column = np.abs(np.fft.fftfreq(side))[:, None], np.fft.rfftfreq(side)[None, :]
    radius = np.hypot(row, column)
    rings = np.array([_log_mean(power[(radius > low) & (radius <= high)]) for low, high in _RINGS])
    middle = np.log10([(low + high) / 2 for low, high in _RINGS])
    slopes = [np.polyfit(middle[:4], rings[:4], 1)[0], np.polyfit(middle[3:], rings[3:], 1)[0]]
    along = [_log_mean(power[(axis > 0.35) & (other < 0.15)]) for axis, other in _axes(row, column)]
    return np.array([*slopes, *rings[[1, 3, 5, 7]], *along])


def _log_mean(values: npt.NDArray[Any]) -> float:
    """Logarithm of the mean power; of a ring that a small image does not have, the least."""
    return float(np.log10((values.mean() if values.size else 0.0) + 1e-10))


_EDGES = np.geomspace(0.015, 0.5, 9)
_RINGS = tuple((float(low), float(high)) for low, high in pairwise(_EDGES))


def _axes(row: npt.NDArray[Any], column: npt.NDArray[Any]) -> tuple[tuple[DoubleArray, DoubleArray], ...]:
    both = [part.astype(np.float64) for part in np.broadcast_arrays(row, column)]
    return (both[0], both[1]), (both[1], both[0])


def _noise(plane: FloatArray) -> DoubleArray:
    """Logarithms of: Immerkaer, wavelet at two scales, spread of the flattest and of the median blocks."""
    coarse = ndimage.uniform_filter(plane, 2)[::2, ::2]
    rows, columns = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = plane[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).std(axis=(1, 3))
    flat, typical = np.percentile(blocks, (10, 50))
    estimates = (immerkaer(plane), wavelet_noise(plane), wavelet_noise(coarse), flat, typical)
    return np.log10(np.maximum(estimates, SMALL))


def _gradients(plane: FloatArray) -> DoubleArray:
    """Mean, spread, percentiles 90 and 99 (logarithms), kurtosis of the gradient; log of the Laplacian's spread."""
    magnitude = np.hypot(*np.gradient(plane))
    deviation = max(float(magnitude.std()), SMALL)
    kurtosis = float(np.mean(((magnitude - magnitude.mean()) / deviation) ** 4))
    logs = np.log10(
        np.maximum(
            [magnitude.mean(), deviation, *np.percentile(magnitude, (90, 99)), ndimage.laplace(plane).std()], SMALL
        )
    )
    return np.array([*logs, np.log10(max(kurtosis, 1.0))])


def _histogram(plane: FloatArray) -> DoubleArray:
    """Entropy, mean, spread, skewness, shares of the foreground and of pixels cut off below and above."""
    values = plane[:: max(1, plane.shape[0] // 256)].ravel()
    counts = np.histogram(values, bins=64, range=(0.0, 1.0))[0]
    share = counts[counts > 0] / max(int(counts.sum()), 1)
    deviation = max(float(values.std()), SMALL)
    skewness = float(np.mean(((values - values.mean()) / deviation) ** 3))
    cut = [float(np.mean(values > 0.1)), float(np.mean(values <= 0.0)), float(np.mean(values >= 1.0))]
    return np.array([-(share * np.log2(share)).sum(), values.mean(), deviation, skewness, *cut])


def _blockiness(plane: FloatArray) -> DoubleArray:
    """How much larger steps are at every eighth line than elsewhere: log ratio along rows and columns."""
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(plane, axis=axis)).mean(axis=1 - axis) + SMALL
        phases = np.array([steps[phase::8].mean() for phase in range(8)])
        ratios.append(np.log10(phases.max() / np.median(phases)))
    return np.array(ratios)
