"""Projection radiography and mammography. Pixels grow with attenuation or, where inverted, against it.

Quantum noise: photon counts are Poisson, and a detector value is proportional to the logarithm of counts
(DICOM PS3.3 C.8.11.3, Pixel Intensity Relationship LOG), so its variance is exp(p) / I0. Scatter, focal spot
and grid: Bushberg et al., The Essential Physics of Medical Imaging, 3rd ed., ch. 7. [..., rows, columns].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.physics.generic import (
    check_range,
    check_share,
    filtered,
    normal_like,
    slice_by_slice,
    slice_mean,
    uniform,
    visible_range,
)

FULL_DOSE_PHOTONS = 4.0e3  # a pixel behind no attenuation, at the image's own exposure
PATH_SPAN = 4.0  # line integral between the brightest and the darkest part of an image
SCATTER_CELLS = 24  # scatter is so wide that it is computed on that many cells a side


def path_of(pixels: Tensor, *, is_inverted: bool = False) -> Tensor:
    """Map pixels to line integrals 0..``PATH_SPAN`` by the robust range of each slice; bright is dense."""
    low, high = visible_range(pixels)
    path: Tensor = (pixels - low.to(pixels)) / (high - low).to(pixels) * PATH_SPAN
    return (PATH_SPAN - path if is_inverted else path).clamp(0.0, PATH_SPAN)


def with_exposure(
    pixels: Tensor, relative_dose: float, generator: torch.Generator, *, is_inverted: bool = False
) -> Tensor:
    """Return the image as at ``relative_dose`` (0 < d <= 1) of its own exposure.

    Added variance of the line integral, from the Poisson law: (1/d - 1) exp(p) / I0 (DICOM PS3.3 C.8.11.3).
    """
    check_share("relative_dose", relative_dose)
    deviation = torch.exp(path_of(pixels, is_inverted=is_inverted) / 2)
    deviation = deviation * math.sqrt((1 / relative_dose - 1) / FULL_DOSE_PHOTONS)
    return pixels + normal_like(pixels, generator) * deviation * _unit_of_path(pixels)


def with_scatter(pixels: Tensor, scatter_to_primary: float, *, is_inverted: bool = False) -> Tensor:
    """Add scatter of ``scatter_to_primary`` times the primary behind the body: contrast falls by 1 / (1 + S/P).

    Scatter arises where the beam is attenuated (primary times line integral) and spreads very wide; the whole
    is divided by 1 + S/P, as automatic exposure control does (Bushberg et al., ch. 7).
    """
    check_range("scatter_to_primary", scatter_to_primary, 0)
    path = path_of(pixels, is_inverted=is_inverted)
    primary = torch.exp(-path)
    scatter = _widely_blurred(primary * path)
    wanted = scatter_to_primary * slice_mean(primary * path)
    scatter = scatter * (wanted / slice_mean(scatter * path).clamp(min=1e-9))
    change = -torch.log((primary + scatter) / (1 + scatter_to_primary)) - path
    return pixels + change * _unit_of_path(pixels) * (-1 if is_inverted else 1)


def with_focal_blur(pixels: Tensor, width_px: float) -> Tensor:
    """Blur by a square focal spot whose penumbra is ``width_px`` pixels wide.

    A spot of f mm makes one of f (m - 1) mm at magnification m (Bushberg et al., ch. 7).
    """
    check_range("width_px", width_px, 0)
    if width_px <= 1:
        return pixels.clone()
    kernel = box_kernel(width_px)
    return filtered(filtered(pixels, kernel[:, None]), kernel[None, :])


def box_kernel(width_px: float) -> Tensor:
    """Return a box of ``width_px`` sampled on whole pixels, its ends by their share; sums to 1."""
    half = math.ceil((width_px - 1) / 2)
    ticks = torch.arange(-half, half + 1, dtype=torch.float32)
    covered = (width_px / 2 - (ticks.abs() - 0.5)).clamp(0.0, 1.0)
    return covered / covered.sum()


def with_grid_lines(pixels: Tensor, contrast: float, generator: torch.Generator) -> Tensor:
    """Shadows of an anti-scatter grid: a sine of amplitude ``contrast`` (share of a quarter of the path span).

    Along one axis; its frequency is what the grid's lines alias to on the pixels, 0.05 to 0.4 cycles a pixel (Bushberg
    et al., ch. 7).
    """
    check_range("contrast", contrast, 0, 1)
    axis = -1 if uniform(generator, 0, 1) < 0.5 else -2
    place = torch.arange(pixels.shape[axis], device=pixels.device)
    phase = uniform(generator, 0, 2 * math.pi)
    wave = torch.sin(2 * math.pi * uniform(generator, 0.05, 0.4) * place + phase)
    wave = wave if axis == -1 else wave[:, None]
    return pixels + wave * (contrast * PATH_SPAN / 4) * _unit_of_path(pixels)


def with_saturation(pixels: Tensor, saturated_share: float) -> Tensor:
    """Cut off the bright end so that ``saturated_share`` (0..1) of the visible pixels have one value.

    A detector has a largest signal (Bushberg et al., ch. 7).
    """
    check_range("saturated_share", saturated_share, 0, 0.95)
    return slice_by_slice(lambda plane: _saturated(plane, saturated_share), pixels)


def _saturated(plane: Tensor, share: float) -> Tensor:
    low, high = (float(end) for end in visible_range(plane))
    seen = plane[(plane > low + 0.02 * (high - low)) & (plane < high + (high - low))].reshape(-1)
    if len(seen) == 0:
        return plane.clone()
    limit = torch.quantile(seen[:: max(1, len(seen) // 50_000)], 1 - share)
    return torch.minimum(plane, limit)


def _unit_of_path(pixels: Tensor) -> Tensor:
    low, high = visible_range(pixels)
    return ((high - low) / PATH_SPAN).to(pixels)


def _widely_blurred(pixels: Tensor) -> Tensor:
    """Mean over a twelfth of the field, the border mirrored."""
    rows, columns = pixels.shape[-2:]
    cells = min(rows, SCATTER_CELLS), min(columns, SCATTER_CELLS)
    coarse = functional.interpolate(pixels.reshape(-1, 1, rows, columns), size=cells, mode="area")
    ticks = torch.arange(-6, 7, dtype=torch.float32)
    kernel = torch.exp(-(ticks**2) / (2 * 2.5**2))
    kernel = kernel / kernel.sum()
    wide = filtered(filtered(coarse, kernel[:, None]), kernel[None, :])
    return functional.interpolate(wide, size=(rows, columns), mode="bilinear", align_corners=False).reshape(
        pixels.shape
    )
