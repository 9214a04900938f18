"""Emission tomography and scintigraphy (PET, NM). Activity in any units, [..., rows, columns].

Cherry, Sorenson and Phelps, Physics in Nuclear Medicine, 4th ed., ch. 9 (counting), 16 (reconstruction).
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.mediqa.physics.generic import (
    FWHM_OF_SIGMA,
    check_range,
    check_share,
    normal_like,
    slice_mean,
    with_blur,
)

FULL_COUNTS = 900.0  # in a pixel at the top of the visible range, at the image's own counts
NOISE_GRAIN_PX = 0.7  # the reconstruction's smoothing correlates the noise of neighbours
SCANNER_FWHM_PX = 4.0


def with_counts(pixels: Tensor, relative_counts: float, generator: torch.Generator, peak: float) -> Tensor:
    """Return the image as at ``relative_counts`` (0 < c <= 1) of its own counts (injected activity x time).

    Added variance, from the Poisson law (Cherry, Sorenson and Phelps, ch. 9): (1/c - 1) x peak / ``FULL_COUNTS`` for a
    pixel x >= 0; grains of a pixel.
    """
    check_share("relative_counts", relative_counts)
    variance = (1 / relative_counts - 1) * pixels.clamp(min=0.005 * peak) * (peak / FULL_COUNTS)
    noise = with_blur(normal_like(pixels, generator), NOISE_GRAIN_PX)
    noise = noise / noise.std(dim=(-2, -1), keepdim=True).clamp(min=1e-6)
    return torch.maximum(pixels + variance.sqrt() * noise, _lowest(pixels))


def with_iterations(pixels: Tensor, iterations: int, *, fwhm_px: float = SCANNER_FWHM_PX) -> Tensor:
    """Stop maximum likelihood after ``iterations`` updates: resolution is not yet recovered.

    x <- x A'(y / A x) (Shepp and Vardi, IEEE TMI 1:113, 1982), A the scanner's resolution in the image, y = A
    pixels, begun with the mean. The total is kept.
    """
    check_range("iterations", iterations, 1)
    lowest = _lowest(pixels)
    activity = pixels - lowest
    sigma = fwhm_px / FWHM_OF_SIGMA
    measured = _circular_blur(activity, sigma)
    floor = (activity.amax(dim=(-2, -1), keepdim=True).double() * 1e-6 + 1e-12).to(activity)
    estimate = slice_mean(activity).expand_as(activity) + floor
    for _ in range(iterations):
        ratio = measured.clamp(min=0) / torch.maximum(_circular_blur(estimate, sigma), floor)
        estimate = estimate * _circular_blur(ratio, sigma)
    return estimate + lowest


def with_post_filter(pixels: Tensor, fwhm_mm: float, spacing_mm: float) -> Tensor:
    """Smooth by a Gaussian of ``fwhm_mm``, as is usual after reconstruction (Cherry, Sorenson and Phelps, ch. 16)."""
    check_range("fwhm_mm", fwhm_mm, 0)
    return with_blur(pixels, fwhm_mm / FWHM_OF_SIGMA / spacing_mm)


def _lowest(pixels: Tensor) -> Tensor:
    """The least value of each slice where it is negative, else 0: [..., 1, 1]."""
    return pixels.amin(dim=(-2, -1), keepdim=True).clamp(max=0.0)


def _circular_blur(pixels: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur with wrapped borders: symmetric and mass-keeping, as A has to be."""
    rows, columns = pixels.shape[-2:]
    down = torch.fft.fftfreq(rows, device=pixels.device)[:, None]
    across = torch.fft.rfftfreq(columns, device=pixels.device)[None, :]
    response = torch.exp(-2 * (torch.pi * sigma_px) ** 2 * (down**2 + across**2))
    result: Tensor = torch.fft.irfft2(torch.fft.rfft2(pixels) * response, s=(rows, columns))
    return result
