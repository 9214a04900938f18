"""Objects whose projections and transforms are known."""

from __future__ import annotations

import torch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ellipse(side: int, half_height: float, half_width: float, *, oversampling: int = 4) -> torch.Tensor:
    ticks = (torch.arange(side * oversampling) + 0.5) / oversampling - side / 2
    inside = ((ticks[:, None] / half_height) ** 2 + (ticks[None, :] / half_width) ** 2 < 1).float()
    return torch.nn.functional.avg_pool2d(inside[None], oversampling)[0]


def disc(side: int, radius: float) -> torch.Tensor:
    return ellipse(side, radius, radius)


def textured(side: int = 96, seed: int = 1) -> torch.Tensor:
    """A disc with an inner structure and fine detail, values about 0..1300."""
    ticks = torch.arange(side) - side / 2
    bars = 150 * torch.cos(ticks / 3)[None, :] * disc(side, side * 0.2)
    return disc(side, side * 0.33) * 1000 + bars + 100 * torch.rand(side, side, generator=seeded(seed))
