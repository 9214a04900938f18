"""Objects whose projections and transforms are known."""

from __future__ import annotations

import math

import numpy as np
import torch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ellipse(side: int, half_height: float, half_width: float, *, oversampling: int = 4) -> torch.Tensor:
    ticks = (torch.arange(side * oversampling) + 0.5) / oversampling - side / 2
    inside = ((ticks[:, None] / half_height) ** 2 + (ticks[None, :] / half_width) ** 2 < 1).float()
    return torch.nn.functional.avg_pool2d(inside[None], oversampling)[0]


def disc(side: int, radius: float) -> torch.Tensor:
    return ellipse(side, radius, radius)


def chords(side: int, x: float, y: float, radius: float, *, views: int = 180, samples: int = 1) -> np.ndarray:
    """Sinogram [views, side] of a disc of density 1 at (x, y) from the centre: 2 sqrt(r^2 - t^2).

    samples: places within an element of the detector over which it is averaged.
    """
    angles = np.arange(views) * (math.pi / views)
    offset = np.arange(side) - (side - 1) / 2 - (x * np.cos(angles) + y * np.sin(angles))[:, None]
    parts = (np.arange(samples) + 0.5) / samples - 0.5
    return 2 * np.sqrt(np.clip(radius**2 - (offset[..., None] + parts) ** 2, 0, None)).mean(axis=-1)


def textured(side: int = 96, seed: int = 1) -> torch.Tensor:
    """A disc with an inner structure and fine detail, values about 0..1300."""
    ticks = torch.arange(side) - side / 2
    bars = 150 * torch.cos(ticks / 3)[None, :] * disc(side, side * 0.2)
    return disc(side, side * 0.33) * 1000 + bars + 100 * torch.rand(side, side, generator=seeded(seed))
