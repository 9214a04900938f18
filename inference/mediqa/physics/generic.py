"""Degradations that any modality knows: blur, additive and multiplicative noise, block-transform coding."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

# ITU-T T.81 (JPEG), table K.1: luminance quantisation
LUMINANCE_QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def with_blur(pixels: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur with ``sigma_px`` pixels, borders mirrored; [rows, columns]. 0 changes nothing."""
    if sigma_px < 0:
        raise ValueError("sigma_px must not be negative.")
    if sigma_px == 0:
        return pixels.clone()
    radius = min(max(1, math.ceil(4 * sigma_px)), min(pixels.shape) - 1)
    ticks = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(ticks**2) / (2 * sigma_px**2))
    kernel = kernel / kernel.sum()
    padded = functional.pad(pixels[None, None], (radius, radius, radius, radius), mode="reflect")
    rows = functional.conv2d(padded, kernel[None, None, :, None])
    return functional.conv2d(rows, kernel[None, None, None, :])[0, 0]


def with_gaussian_noise(pixels: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add white noise of standard deviation ``sigma`` (image units)."""
    if sigma < 0:
        raise ValueError("sigma must not be negative.")
    return pixels + torch.randn(pixels.shape, generator=generator) * sigma


def with_speckle(pixels: Tensor, relative_sigma: float, generator: torch.Generator) -> Tensor:
    """Multiply by 1 + n, n normal with ``relative_sigma`` and a correlation of one pixel (ultrasound)."""
    if relative_sigma < 0:
        raise ValueError("relative_sigma must not be negative.")
    noise = with_blur(torch.randn(pixels.shape, generator=generator), 0.7)
    return pixels * (1 + relative_sigma * noise / noise.std().clamp(min=1e-6))


def with_block_coding(pixels: Tensor, quality: float, low: float, high: float) -> Tensor:
    """Quantise 8 x 8 cosine coefficients as JPEG does at ``quality`` 1..100, values mapped from low..high.

    Only the lossy step: what entropy coding does can't be seen. [rows, columns] of any size.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must lie in 1..100, not {quality}.")
    rows, columns = pixels.shape
    padded = functional.pad(pixels[None, None], (0, -columns % 8, 0, -rows % 8), mode="replicate")[0, 0]
    high_blocks, wide_blocks = padded.shape[0] // 8, padded.shape[1] // 8
    blocks = ((padded - low) / max(high - low, 1e-6) * 255 - 128).reshape(high_blocks, 8, wide_blocks, 8)
    basis, table = _cosine_basis(), _quantisation(quality)
    coefficients = torch.einsum("ui,aibj,vj->abuv", basis, blocks, basis)
    coefficients = torch.round(coefficients / table) * table
    coded = torch.einsum("ui,abuv,vj->aibj", basis, coefficients, basis).reshape(padded.shape)
    return ((coded + 128) / 255 * (high - low) + low)[:rows, :columns]


def _cosine_basis() -> Tensor:
    """Orthonormal DCT-II matrix [8, 8]."""
    index = torch.arange(8, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (index[None, :] + 0.5) * index[:, None]) * 0.5
    basis[0] *= math.sqrt(0.5)
    return basis


def _quantisation(quality: float) -> Tensor:
    """Scale table K.1 as the Independent JPEG Group does."""
    factor = 50 / quality if quality < 50 else 2 - quality / 50
    return (torch.tensor(LUMINANCE_QUANTISATION, dtype=torch.float32) * factor).clamp(min=1.0)
