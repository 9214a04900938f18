"""Ultrasound. Log-compressed B-mode, [..., rows, columns], depth runs down the rows.

The visible range low..high shows ``DYNAMIC_RANGE_DB``; what falls below or rises above is cut off, as on the
scanner's screen. Szabo, Diagnostic Ultrasound Imaging, 2nd ed., ch. 4 (attenuation), 9 (scattering), 10
(imaging systems).
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.mediqa.physics.generic import check_range, normal_like, slice_mean, uniform, with_blur

DYNAMIC_RANGE_DB = 60.0
GRAIN_PX = 0.8  # spread of the point-spread function


def with_speckle(pixels: Tensor, contrast: float, generator: torch.Generator, low: float, high: float) -> Tensor:
    """Multiply the intensity by speckle of ``contrast`` (standard deviation over mean, 0..1).

    1 is fully developed: a complex normal field, its intensity exponential (Goodman, J Opt Soc Am 66:1145, 1976).
    """
    check_range("contrast", contrast, 0, 1)
    intensity = 1 - contrast + contrast * speckle_intensity(pixels, generator)
    return _shown(pixels + decibels(intensity, low, high), low, high)


def speckle_intensity(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return fully developed speckle, mean 1 in each slice, grains of ``GRAIN_PX``, in the shape of the pixels."""
    real = with_blur(normal_like(pixels, generator), GRAIN_PX)
    imaginary = with_blur(normal_like(pixels, generator), GRAIN_PX)
    intensity = real**2 + imaginary**2
    return intensity / slice_mean(intensity)


def decibels(ratio: Tensor, low: float, high: float) -> Tensor:
    """Return a ratio of intensities as a difference of grey values."""
    return 10 * torch.log10(ratio.clamp(min=1e-6)) * ((high - low) / DYNAMIC_RANGE_DB)


def with_shadow(pixels: Tensor, depth_db: float, generator: torch.Generator, low: float, high: float) -> Tensor:
    """Something hard hides what lies behind it: ``depth_db`` less from a random depth on, an eighth to a third wide.

    A reflector lets little through to what lies deeper (Szabo, ch. 4).
    """
    check_range("depth_db", depth_db, 0)
    rows, columns = pixels.shape[-2:]
    down = torch.linspace(0, 1, rows, device=pixels.device)[:, None]
    across = torch.linspace(0, 1, columns, device=pixels.device)[None, :]
    start, centre = uniform(generator, 0.1, 0.4), uniform(generator, 0.25, 0.75)
    half = uniform(generator, 0.06, 0.16) * (1 + 0.5 * (down - start))  # beams diverge
    hidden = torch.sigmoid((half - (across - centre).abs()) / 0.012) * torch.sigmoid((down - start) / 0.012)
    return _shown(pixels - hidden * _grey_of(depth_db, low, high), low, high)


def with_gain(pixels: Tensor, gain_db: float, low: float, high: float) -> Tensor:
    """Raise (or lower) the receiver gain by ``gain_db``; the screen saturates (Szabo, ch. 10)."""
    check_range("gain_db", abs(gain_db), 0, DYNAMIC_RANGE_DB)
    return _shown(pixels + _grey_of(gain_db, low, high), low, high)


def with_attenuation(pixels: Tensor, total_db: float, low: float, high: float) -> Tensor:
    """Lose ``total_db`` evenly from the top to the bottom row: attenuation that nothing compensates for.

    2 a f z decibels there and back, with a in dB / cm / MHz (Szabo, ch. 4).
    """
    check_range("total_db", total_db, 0)
    depth = torch.linspace(0, 1, pixels.shape[-2], device=pixels.device)[:, None]
    return _shown(pixels - depth * _grey_of(total_db, low, high), low, high)


def _grey_of(level_db: float, low: float, high: float) -> float:
    return level_db * (high - low) / DYNAMIC_RANGE_DB


def _shown(pixels: Tensor, low: float, high: float) -> Tensor:
    return pixels.clamp(low, high)
