"""Degradations that any modality knows: blur, additive and multiplicative noise, block-transform coding.

Here and in the other files pixels are [..., rows, columns] on any device, and so is the result: each slice of a batch
becomes what it would become alone. Random numbers come from a generator on the same device: noise is drawn for each
slice, what belongs to the body or the machine (a place, a mask, a wave, a field) once for all of them.
``ValueError`` is raised for impossible parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

FWHM_OF_SIGMA = 2 * math.sqrt(2 * math.log(2))
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


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must lie in {low:g}..{high:g}, not {value:g}.")


def check_share(name: str, value: float) -> None:
    """Raise ValueError unless 0 < value <= 1."""
    if not 0 < value <= 1:
        raise ValueError(f"{name} must lie in (0, 1], not {value:g}.")


def normal_like(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Return unit normal numbers in the shape and on the device of the pixels."""
    return torch.randn(pixels.shape, generator=generator, device=pixels.device)


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    """Return one number, uniform in low..high."""
    return low + (high - low) * float(torch.rand((), generator=generator, device=generator.device))


def visible_range(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the robust range of each slice (0.5th and 99.5th percentile), in double precision: [..., 1, 1] each."""
    flat = pixels.flatten(-2)
    flat = flat[..., :: max(1, flat.shape[-1] // 50_000)].float()
    shares = torch.tensor([0.005, 0.995], device=flat.device)
    low, high = torch.quantile(flat, shares, dim=-1).double()[..., None, None]
    return low, torch.maximum(high, low + 1e-6)


def slice_mean(pixels: Tensor) -> Tensor:
    """Return the mean of each slice: [..., 1, 1]."""
    return pixels.mean(dim=(-2, -1), keepdim=True)


def slice_by_slice(apply: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Apply to each slice [rows, columns] of [..., rows, columns] what can't be computed on several at once."""
    if pixels.ndim == 2:
        return apply(pixels)
    return torch.stack([apply(plane) for plane in pixels.flatten(0, -3)]).reshape(pixels.shape)


def filtered(pixels: Tensor, kernel: Tensor) -> Tensor:
    """Correlate with a kernel [k, l] of odd sides, borders mirrored."""
    rows, columns = pixels.shape[-2:]
    high, wide = min(kernel.shape[0] // 2, rows - 1), min(kernel.shape[1] // 2, columns - 1)
    middle = kernel.shape[0] // 2, kernel.shape[1] // 2
    kernel = kernel[middle[0] - high : middle[0] + high + 1, middle[1] - wide : middle[1] + wide + 1]
    planes = pixels.reshape(-1, 1, rows, columns)
    padded = functional.pad(planes, (wide, wide, high, high), mode="reflect")
    return functional.conv2d(padded, kernel[None, None].to(pixels)).reshape(pixels.shape)


def with_blur(pixels: Tensor, sigma_px: float) -> Tensor:
    """Gaussian blur with ``sigma_px`` pixels, borders mirrored. 0 changes nothing.

    The simplest point spread: Barrett and Myers, Foundations of Image Science, 2004.
    """
    check_range("sigma_px", sigma_px, 0)
    if sigma_px == 0:
        return pixels.clone()
    radius = min(max(1, math.ceil(4 * sigma_px)), min(pixels.shape[-2:]) - 1)
    ticks = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-(ticks**2) / (2 * sigma_px**2))
    kernel = kernel / kernel.sum()
    return filtered(filtered(pixels, kernel[:, None]), kernel[None, :])


def smooth_noise(pixels: Tensor, generator: torch.Generator, cells: int = 4) -> Tensor:
    """Return a smooth random field 0..1 of about ``cells`` bumps a side: [rows, columns], one for all slices."""
    rows, columns = pixels.shape[-2:]
    coarse = torch.rand((1, 1, cells, cells), generator=generator, device=pixels.device)
    field = functional.interpolate(coarse, size=(rows, columns), mode="bicubic", align_corners=True)[0, 0]
    return (field - field.min()) / (field.max() - field.min()).clamp(min=1e-6)


def with_gaussian_noise(pixels: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add white noise of standard deviation ``sigma`` (image units); Barrett and Myers, 2004."""
    check_range("sigma", sigma, 0)
    return pixels + normal_like(pixels, generator) * sigma


def with_block_coding(pixels: Tensor, quality: float, low: float, high: float) -> Tensor:
    """Quantise 8 x 8 cosine coefficients as JPEG (ITU-T T.81) does at ``quality`` 1..100, values from low..high.

    Only the lossy step: what entropy coding does can't be seen. Any size.
    """
    check_range("quality", quality, 1, 100)
    rows, columns = pixels.shape[-2:]
    planes = pixels.reshape(-1, 1, rows, columns)
    padded = functional.pad(planes, (0, -columns % 8, 0, -rows % 8), mode="replicate")[:, 0]
    high_blocks, wide_blocks = padded.shape[-2] // 8, padded.shape[-1] // 8
    blocks = ((padded - low) / max(high - low, 1e-6) * 255 - 128).reshape(-1, high_blocks, 8, wide_blocks, 8)
    basis, table = _cosine_basis().to(pixels), _quantisation(quality).to(pixels)[:, None, :]
    coefficients = basis @ (blocks @ basis.T).transpose(2, 3).reshape(-1, high_blocks * wide_blocks, 8, 8)
    coefficients = torch.round(coefficients / table[:, 0]) * table[:, 0]
    coded = (basis.T @ coefficients @ basis).reshape(-1, high_blocks, wide_blocks, 8, 8).transpose(2, 3)
    coded = coded.reshape(padded.shape)[:, :rows, :columns].reshape(pixels.shape)
    return (coded + 128) / 255 * (high - low) + low


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
