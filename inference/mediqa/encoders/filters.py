"""Fixed filters and the statistics of fine detail that the learned layers start from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.profiles import NetworkConfig

DETAIL_GAIN = 8.0


def separable(x: Tensor, middle: float) -> Tensor:
    """Correlate [..., H, W] with (1, middle, 1) along rows and columns, the border repeated.

    Sums of shifted views: much faster on a CPU than a convolution of each channel by itself.
    """
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = padded[..., :-2, :] + padded[..., 2:, :] + middle * padded[..., 1:-1, :]
    result: Tensor = rows[..., :-2] + rows[..., 2:] + middle * rows[..., 1:-1]
    return result


def root_compressed(x: Tensor) -> Tensor:
    """Near 0 the value, far from it the root: faint noise is seen beside strong edges."""
    return x * torch.rsqrt(1 + x.abs())


def with_detail(tiles: Tensor) -> Tensor:
    """[B, 2, S, S] -> [B, 4, S, S]: behind the windows what a blur would take away, amplified."""
    detail = root_compressed(DETAIL_GAIN * (tiles - separable(tiles, 2.0) / 16))
    return torch.cat((tiles, detail), dim=1)


class TextureStatistics(nn.Module):
    """Logarithms of local fine-detail energy: [B, 2, S, S] -> [B, G * G, C], one token for each cell.

    For each window and two scales the least, mean and largest energy of the blocks of a cell: the flattest
    block shows noise, the strongest shows how sharp edges are (after Immerkaer, CVIU 64:300, 1996). Beside
    them the energy of differences along rows and columns, since k-space is sampled along one of them.
    """

    BLOCK = 4
    FEATURES = 2 * 2 * 3 + 2 * 2

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.cell = config.tile // config.grid
        self.mix = nn.Sequential(
            nn.Linear(self.FEATURES, config.channels), nn.GELU(), nn.Linear(config.channels, config.channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for scale in (1, 2):
            coarse = x if scale == 1 else functional.avg_pool2d(x, scale)
            energy = (separable(coarse, -2.0) / 6).square()
            blocks = functional.avg_pool2d(energy, self.BLOCK)
            cell = self.cell // (self.BLOCK * scale)
            least, largest = -functional.max_pool2d(-blocks, cell), functional.max_pool2d(blocks, cell)
            maps += [least, functional.avg_pool2d(blocks, cell), largest]
        along, across = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
        for step in (functional.pad(along, (0, 1, 0, 0)), functional.pad(across, (0, 0, 0, 1))):
            maps.append(functional.avg_pool2d(step.square(), self.cell))
        features = (torch.log10(torch.cat(maps, dim=1) + 1e-7) + 4) / 2  # [B, FEATURES, G, G]
        result: Tensor = self.mix(features.flatten(2).transpose(1, 2))
        return result
