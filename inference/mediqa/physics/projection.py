"""Projection radiography: exposure, and the blur of the focal spot. Pixels grow with attenuation or against it.

Quantum noise: photon counts are Poisson, and a detector value is proportional to the logarithm of counts
(DICOM PS3.3 C.8.11.3, Pixel Intensity Relationship LOG), so its variance is exp(p) / I0. Focal blur: penumbra
f (m - 1) for a spot f and magnification m (Bushberg, The Essential Physics of Medical Imaging, ch. 7).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inference.mediqa.physics.generic import with_blur

FULL_DOSE_PHOTONS = 4.0e3  # a pixel behind no attenuation, at the image's own exposure
PATH_SPAN = 4.0  # line integral between the brightest and the darkest part of an image


def visible_range(pixels: Tensor) -> tuple[float, float]:
    """Return the robust range of the pixels (0.5th and 99.5th percentile)."""
    flat = pixels.reshape(-1)[:: max(1, pixels.numel() // 100_000)].float()
    low, high = torch.quantile(flat, torch.tensor([0.005, 0.995])).tolist()
    return float(low), float(max(high, low + 1e-6))


def path_of(pixels: Tensor, *, is_inverted: bool = False) -> Tensor:
    """Map pixels to line integrals 0..``PATH_SPAN`` by their robust range; bright is dense."""
    low, high = visible_range(pixels)
    path: Tensor = (pixels - low) / (high - low) * PATH_SPAN
    return (PATH_SPAN - path if is_inverted else path).clamp(0.0, PATH_SPAN)


def with_exposure(
    pixels: Tensor, relative_dose: float, generator: torch.Generator, *, is_inverted: bool = False
) -> Tensor:
    """Return the image as at ``relative_dose`` (0 < d <= 1) of its own exposure, [rows, columns].

    Added variance of the line integral: (1/d - 1) exp(p) / I0.
    """
    if not 0 < relative_dose <= 1:
        raise ValueError(f"relative_dose must lie in (0, 1], not {relative_dose}.")
    path = path_of(pixels, is_inverted=is_inverted)
    low, high = visible_range(pixels)
    deviation = torch.exp(path / 2) * math.sqrt((1 / relative_dose - 1) / FULL_DOSE_PHOTONS)
    noise = torch.randn(pixels.shape, generator=generator) * deviation
    return pixels + noise * ((high - low) / PATH_SPAN)


def focal_blur_sigma_px(focal_spot_mm: float, magnification: float, spacing_mm: float) -> float:
    """Return the standard deviation of a uniform penumbra f (m - 1) at the detector, in pixels."""
    if magnification < 1:
        raise ValueError("magnification can't be below 1.")
    return focal_spot_mm * (magnification - 1) / math.sqrt(12) / spacing_mm


def with_focal_blur(pixels: Tensor, focal_spot_mm: float, magnification: float, spacing_mm: float) -> Tensor:
    """Blur by the focal spot; [rows, columns]."""
    return with_blur(pixels, focal_blur_sigma_px(focal_spot_mm, magnification, spacing_mm))
