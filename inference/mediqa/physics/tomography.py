"""Parallel-beam projection and filtered back-projection (Kak and Slaney, Principles of Computerized
Tomographic Imaging, ch. 3), in units of one pixel. B counts slices; the detector's centre is the image's centre.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def angles_of(views: int, *, span: float = math.pi) -> Tensor:
    """Return ``views`` angles in [0, span), radians."""
    return torch.arange(views, dtype=torch.float32) * (span / views)


def project(attenuation: Tensor, angles: Tensor) -> Tensor:
    """Radon transform: [B, N, N] (per pixel) -> line integrals [B, angles, N], detector pitch one pixel.

    The ray at detector t and angle a is x cos a + y sin a = t, with x to the right and y down from the
    centre. What lies outside the square is air.
    """
    batch, side, _ = attenuation.shape
    ticks = torch.arange(side, dtype=torch.float32, device=attenuation.device) - (side - 1) / 2
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
    response = _ramp(size).to(sinogram.device)
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(sinogram, n=size) * response, n=size)[..., :count]
    return filtered


def hann(frequency: Tensor) -> Tensor:
    """The window of ``ramp_filter`` at a frequency in cycles per pixel; 0 from the Nyquist frequency on."""
    return (0.5 + 0.5 * torch.cos(2 * math.pi * frequency)) * (frequency.abs() < 0.5)


def _ramp(size: int) -> Tensor:
    offset = torch.arange(size)
    offset = torch.minimum(offset, size - offset).float()
    kernel = torch.where(offset % 2 == 1, -1.0 / (math.pi * offset.clamp(min=1)) ** 2, torch.zeros(size))
    kernel[0] = 0.25
    response: Tensor = torch.fft.rfft(kernel).real * hann(torch.fft.rfftfreq(size))
    return response


def back_project(filtered: Tensor, angles: Tensor, side: int) -> Tensor:
    """Back-project [B, angles, D] -> [B, side, side], each angle for pi / angles of the half circle."""
    batch, _, detectors = filtered.shape
    ticks = torch.arange(side, dtype=torch.float32, device=filtered.device) - (side - 1) / 2
    image = torch.zeros(batch, side * side, device=filtered.device)
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


def radial_reconstruction(profile: Tensor, side: int, *, views: int = 180) -> Tensor:
    """Reconstruct a sinogram [B, D] that is the same at every angle -> [B, side, side]: rings.

    A full turn sees each ray from both sides, so the back-projection depends on the radius only: f(r) is the
    integral of g(r cos a) over a half circle.
    """
    batch, detectors = profile.shape
    centre = (detectors - 1) / 2
    radii = torch.arange(math.ceil(side * math.sqrt(0.5)) + 2, dtype=torch.float32, device=profile.device)
    place = radii[:, None] * torch.cos(angles_of(views).to(profile.device))[None, :] + centre
    smooth = _sampled(ramp_filter(profile), place.clamp(0, detectors - 1.001).reshape(-1))
    by_radius = smooth.reshape(batch, len(radii), views).mean(-1) * math.pi
    ticks = torch.arange(side, dtype=torch.float32, device=profile.device) - (side - 1) / 2
    radius = torch.hypot(ticks[:, None], ticks[None, :]).reshape(-1)
    return _sampled(by_radius, radius).reshape(batch, side, side)


def _sampled(values: Tensor, place: Tensor) -> Tensor:
    """Interpolate [B, N] linearly at places [P] in 0..N-1 -> [B, P]."""
    left = place.long().clamp(max=values.shape[-1] - 2)
    share = place - left
    return values[:, left] * (1 - share) + values[:, left + 1] * share
