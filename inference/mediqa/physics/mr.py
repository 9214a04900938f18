"""Magnetic resonance: noise of magnitude images, missing k-space, rigid motion. Any units, [rows, columns].

Rician law: Gudbjartsson and Patz, Magn Reson Med 34:910, 1995. Motion: shots of k-space acquired at different
positions (Atkinson et al., IEEE TMI 16:903, 1997). Undersampling: outer lines left out, zero-filled.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CENTRE_SHARE = 0.08  # of the phase-encoding lines that are always acquired


def with_rician_noise(magnitude: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add noise of standard deviation ``sigma`` (image units) to both receiver channels; take the magnitude.

    Where there is no signal the result is Rayleigh: mean sigma sqrt(pi / 2).
    """
    if sigma < 0:
        raise ValueError("sigma must not be negative.")
    real, imaginary = torch.randn(2, *magnitude.shape, generator=generator) * sigma
    noisy: Tensor = torch.hypot(magnitude + real, imaginary)
    return noisy


def with_undersampling(magnitude: Tensor, kept_share: float, generator: torch.Generator) -> Tensor:
    """Keep the centre of k-space and a random choice of other lines, ``kept_share`` (0..1] in all."""
    if not 0 < kept_share <= 1:
        raise ValueError(f"kept_share must lie in (0, 1], not {kept_share}.")
    mask = line_mask(magnitude.shape[0], kept_share, generator)
    spectrum = torch.fft.fft2(magnitude) * mask[:, None]
    image: Tensor = torch.fft.ifft2(spectrum).abs()
    return image


def line_mask(lines: int, kept_share: float, generator: torch.Generator) -> Tensor:
    """Return bool [lines] in FFT order with round(kept_share * lines) lines, the lowest frequencies first."""
    count = max(1, round(kept_share * lines))
    centre = min(count, max(1, round(CENTRE_SHARE * lines)))
    frequency = torch.fft.fftfreq(lines).abs()
    order = torch.argsort(frequency, stable=True)
    outer = order[centre:][torch.randperm(lines - centre, generator=generator)]
    mask = torch.zeros(lines, dtype=torch.bool)
    mask[order[:centre]] = True
    mask[outer[: count - centre]] = True
    return mask


def with_motion(magnitude: Tensor, amplitude_px: float, generator: torch.Generator, *, shots: int = 8) -> Tensor:
    """Shift the object between ``shots`` segments of k-space by normal steps of ``amplitude_px`` pixels.

    The segment around the centre of k-space stays, so that the image as a whole does not move.
    """
    if amplitude_px < 0:
        raise ValueError("amplitude_px must not be negative.")
    rows, columns = magnitude.shape
    shift = torch.randn(shots, 2, generator=generator) * amplitude_px
    order = torch.argsort(torch.fft.fftfreq(rows), stable=True)
    segment = torch.empty(rows, dtype=torch.long)
    segment[order] = torch.arange(rows) * shots // rows
    shift[segment[0]] = 0.0
    per_line = shift[segment]  # [rows, 2]
    phase = torch.fft.fftfreq(rows)[:, None] * per_line[:, :1] + torch.fft.fftfreq(columns)[None, :] * per_line[:, 1:]
    spectrum = torch.fft.fft2(magnitude) * torch.polar(torch.ones_like(phase), -2 * math.pi * phase)
    image: Tensor = torch.fft.ifft2(spectrum).abs()
    return image
