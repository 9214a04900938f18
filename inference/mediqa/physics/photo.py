"""Fundus and other photographs. Grey values low..high with a display gamma, [..., rows, columns].

Defocus by a disc: Goodman, Introduction to Fourier Optics, ch. 6 (geometric limit). Exposure in stops and
illumination work on linear light (IEC 61966-2-1, approximated by its exponent 2.2) and saturate.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inference.mediqa.physics.generic import check_range, filtered, uniform

GAMMA = 2.2


def disc_kernel(radius_px: float, *, samples: int = 5) -> Tensor:
    """Return a disc of ``radius_px`` by the share of each pixel that it covers; sums to 1."""
    half = math.ceil(radius_px)
    count = (2 * half + 1) * samples
    ticks = (torch.arange(count) + 0.5) / samples - (half + 0.5)
    inside = (torch.hypot(ticks[:, None], ticks[None, :]) <= max(radius_px, 0.5)).float()
    kernel = inside.reshape(2 * half + 1, samples, 2 * half + 1, samples).mean(dim=(1, 3))
    return kernel / kernel.sum()


def with_defocus(pixels: Tensor, radius_px: float) -> Tensor:
    """Blur by a circle of confusion of ``radius_px`` pixels (Goodman, ch. 6); below half a pixel nothing changes."""
    check_range("radius_px", radius_px, 0)
    return pixels.clone() if radius_px < 0.5 else filtered(pixels, disc_kernel(radius_px))


def with_exposure_error(pixels: Tensor, stops: float, low: float, high: float) -> Tensor:
    """Expose ``stops`` too much (or, negative, too little): linear light times 2 ** stops, cut off at the top.

    Light is a power of the grey value (IEC 61966-2-1).
    """
    check_range("stops", abs(stops), 0, 10)
    return _developed(_linear(pixels, low, high) * 2.0**stops, low, high)


def with_uneven_light(pixels: Tensor, drop_share: float, generator: torch.Generator, low: float, high: float) -> Tensor:
    """Let linear light fall by ``drop_share`` (0..1) from one place in the middle half to the furthest corner.

    It falls with the square of the distance; light is a power of the grey value (IEC 61966-2-1).
    """
    check_range("drop_share", drop_share, 0, 1)
    rows, columns = pixels.shape[-2:]
    y, x = uniform(generator, 0.25, 0.75), uniform(generator, 0.25, 0.75)
    down = torch.linspace(0, 1, rows, device=pixels.device)[:, None] - y
    across = torch.linspace(0, 1, columns, device=pixels.device)[None, :] - x
    distance = down**2 + across**2
    return _developed(_linear(pixels, low, high) * (1 - drop_share * distance / distance.max()), low, high)


def _linear(pixels: Tensor, low: float, high: float) -> Tensor:
    return ((pixels - low) / max(high - low, 1e-6)).clamp(0.0, 1.0) ** GAMMA


def _developed(light: Tensor, low: float, high: float) -> Tensor:
    return light.clamp(0.0, 1.0) ** (1 / GAMMA) * (high - low) + low
