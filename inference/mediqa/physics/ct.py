"""Computed tomography: dose and number of views, in the sinogram.

Parallel beam, pixels in HU. Low dose follows the noise insertion of Yu et al. (Med Phys 39:4064, 2012) and
Zeng et al. (IEEE TNS 62:2226, 2015): the noise that is missing between full and reduced dose, with its
electronic part, is made in the sinogram and reconstructed; filtered back-projection is linear, so it is
added to the image. Counts are large enough for the normal approximation of the Poisson law.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

MU_WATER_PER_MM = 0.0192  # at about 70 keV, NIST XCOM
FULL_DOSE_PHOTONS = 1.0e6  # an element and one of VIEWS views: 2e5 for each of 900 real views, summed
ELECTRONIC_STD_PHOTONS = 25.0  # about 10 for each real view
VIEWS = 180
COARSE = 128  # side on which line integrals are computed for the noise level: they are smooth


class NoiseBasis(NamedTuple):
    """Two reconstructed unit noises of one slice, in HU [rows, columns]; every dose is a mixture of them."""

    quantum: Tensor
    electronic: Tensor


def angles_of(views: int) -> Tensor:
    """Return ``views`` angles in [0, pi)."""
    return torch.arange(views, dtype=torch.float32) * (math.pi / views)


def project(attenuation: Tensor, angles: Tensor) -> Tensor:
    """Radon transform: [B, N, N] (per pixel) -> line integrals [B, angles, N], detector pitch one pixel.

    The ray at detector t and angle a is x cos a + y sin a = t, with x to the right and y down from the
    centre. What lies outside the square is air.
    """
    batch, side, _ = attenuation.shape
    ticks = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    along, across = torch.meshgrid(ticks, ticks, indexing="ij")
    views = []
    for angle in angles.tolist():
        x = across * math.cos(angle) - along * math.sin(angle)
        y = across * math.sin(angle) + along * math.cos(angle)
        grid = torch.stack((x, y), dim=-1) * (2.0 / (side - 1))
        turned = functional.grid_sample(
            attenuation[:, None], grid.expand(batch, -1, -1, -1), align_corners=True, padding_mode="zeros"
        )
        views.append(turned[:, 0].sum(dim=1))
    return torch.stack(views, dim=1)


def ramp_filter(sinogram: Tensor) -> Tensor:
    """Filter [..., N] with the band-limited ramp (Kak and Slaney, eq. 3.61) under a Hann window."""
    count = sinogram.shape[-1]
    size = 2 ** math.ceil(math.log2(2 * count))
    offset = torch.arange(size)
    offset = torch.minimum(offset, size - offset).float()
    kernel = torch.where(offset % 2 == 1, -1.0 / (math.pi * offset.clamp(min=1)) ** 2, torch.zeros(size))
    kernel[0] = 0.25
    response = torch.fft.rfft(kernel).real
    frequency = torch.fft.rfftfreq(size)
    response = response * (0.5 + 0.5 * torch.cos(2 * math.pi * frequency))
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(sinogram, n=size) * response, n=size)[..., :count]
    return filtered


def back_project(filtered: Tensor, angles: Tensor, side: int) -> Tensor:
    """Back-project [B, angles, D] -> [B, side, side]; the detector's centre is the image's centre."""
    batch, _, detectors = filtered.shape
    ticks = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    image = torch.zeros(batch, side * side)
    for index, angle in enumerate(angles.tolist()):
        place = ticks[None, :] * math.cos(angle) + ticks[:, None] * math.sin(angle)
        place = (place + (detectors - 1) / 2).reshape(-1).clamp(0, detectors - 1.001)
        left = place.long()
        share = place - left
        view = filtered[:, index]
        step = functional.pad(view[:, 1:] - view[:, :-1], (0, 1))
        image += view[:, left] + step[:, left] * share
    return image.reshape(batch, side, side) * (math.pi / len(angles))


def reconstruct(sinogram: Tensor, angles: Tensor, side: int) -> Tensor:
    """Filtered back-projection: [B, angles, D] -> [B, side, side], in the unit per pixel of ``project``."""
    return back_project(ramp_filter(sinogram), angles, side)


def attenuation_of(hounsfield: Tensor, spacing_mm: float) -> Tensor:
    """HU -> attenuation per pixel; nothing is less than air."""
    return (hounsfield.clamp(min=-1000.0) / 1000.0 + 1.0) * (MU_WATER_PER_MM * spacing_mm)


def noise_basis(
    hounsfield: Tensor, generator: torch.Generator, *, spacing_mm: float = 0.7, views: int = VIEWS
) -> NoiseBasis:
    """Return the noises of a slice [rows, columns] for ``with_dose``; about half a second for 512 x 512."""
    rows, columns = hounsfield.shape
    side = max(rows, columns)
    path = _line_integrals(_square(hounsfield, -1000.0), spacing_mm, views)
    white = torch.randn(2, views, side, generator=generator)
    deviation = torch.stack(
        (
            torch.exp(path / 2) / math.sqrt(FULL_DOSE_PHOTONS),
            torch.exp(path) * (ELECTRONIC_STD_PHOTONS / FULL_DOSE_PHOTONS),
        )
    )
    noise = reconstruct(white * deviation, angles_of(views), side) * (1000.0 / (MU_WATER_PER_MM * spacing_mm))
    noise = noise[:, :rows, :columns]
    return NoiseBasis(noise[0], noise[1])


def with_dose(hounsfield: Tensor, basis: NoiseBasis, relative_dose: float) -> Tensor:
    """Return the slice as at ``relative_dose`` (0 < d <= 1) of its own dose.

    Added variance: quantum (1/d - 1) exp(p) / I0, electronic (1/d^2 - 1) s^2 exp(2p) / I0^2 in the sinogram.
    """
    if not 0 < relative_dose <= 1:
        raise ValueError(f"relative_dose must lie in (0, 1], not {relative_dose}.")
    quantum = math.sqrt(1 / relative_dose - 1)
    electronic = math.sqrt(1 / relative_dose**2 - 1)
    return hounsfield + quantum * basis.quantum + electronic * basis.electronic


def with_views(hounsfield: Tensor, views: int, *, full_views: int = VIEWS, side: int = 256) -> Tensor:
    """Return the slice as if reconstructed from ``views`` of ``full_views`` views: adds the streaks.

    Streaks are computed on at most ``side`` pixels a side and interpolated; the fine texture stays.
    """
    if not 1 <= views <= full_views:
        raise ValueError(f"views must lie in 1..{full_views}, not {views}.")
    if views == full_views:
        return hounsfield.clone()
    rows, columns = hounsfield.shape
    square = _square(hounsfield, -1000.0)
    small = min(side, square.shape[-1])
    coarse = functional.interpolate(square[None, None], size=(small, small), mode="area")[0]
    sinogram = project(attenuation_of(coarse, 1.0), angles_of(full_views))
    kept = (torch.arange(views) * full_views) // views
    angles = angles_of(full_views)
    streaks = reconstruct(sinogram[:, kept], angles[kept], small) - reconstruct(sinogram, angles, small)
    streaks = functional.interpolate(
        streaks[None] * (1000.0 / MU_WATER_PER_MM), size=square.shape, mode="bilinear", align_corners=False
    )
    return hounsfield + streaks[0, 0, :rows, :columns]


def _square(plane: Tensor, fill: float) -> Tensor:
    side = max(plane.shape)
    return functional.pad(plane, (0, side - plane.shape[1], 0, side - plane.shape[0]), value=fill)


def _line_integrals(square: Tensor, spacing_mm: float, views: int) -> Tensor:
    """Line integrals [views, side] of a square slice, from a coarse copy; capped at photon starvation."""
    side = square.shape[-1]
    small = min(COARSE, side)
    coarse = functional.interpolate(square[None, None], size=(small, small), mode="area")[0]
    path = project(attenuation_of(coarse, spacing_mm * side / small), angles_of(max(2, views // 3)))
    return functional.interpolate(path[None], size=(views, side), mode="bilinear", align_corners=False)[0, 0].clamp(
        max=9.0
    )
