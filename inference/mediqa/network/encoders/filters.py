"""Fixed filters and the statistics of fine detail that the learned layers start from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.profiles import NetworkConfig

DETAIL_GAIN = 8.0
WINDOWS = 2  # the channels of a tile that show the slice itself


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


TEXTURES = WINDOWS * 2 * 3 + WINDOWS * 2  # numbers of a cell
BLOCK = 4  # pixels on a side of what a texture's energy is averaged over


def textures(x: Tensor, cell: int) -> Tensor:
    """Logarithms of fine-detail energy in cells of ``cell`` pixels: [B, 2, S, S] -> [B, G * G, TEXTURES].

    For each window and two scales the least, mean and largest energy of the blocks of a cell: the flattest
    block shows noise, the strongest shows how sharp edges are (after Immerkaer, CVIU 64:300, 1996). Beside
    them the energy of differences along rows and columns, since k-space is sampled along one of them.
    """
    maps: list[Tensor] = []
    for scale in (1, 2):
        coarse = x if scale == 1 else functional.avg_pool2d(x, scale)
        energy = (separable(coarse, -2.0) / 6).square()
        blocks = functional.avg_pool2d(energy, BLOCK)
        of_cell = cell // (BLOCK * scale)
        least, largest = -functional.max_pool2d(-blocks, of_cell), functional.max_pool2d(blocks, of_cell)
        maps += [least, functional.avg_pool2d(blocks, of_cell), largest]
    along, across = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    for step in (functional.pad(along, (0, 1, 0, 0)), functional.pad(across, (0, 0, 0, 1))):
        maps.append(functional.avg_pool2d(step.square(), cell))
    return _logarithms(maps)


class TextureStatistics(nn.Module):
    """``textures`` [B, G * G, TEXTURES] as tokens [B, G * G, C]."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Linear(TEXTURES, config.channels), nn.GELU(), nn.Linear(config.channels, config.channels)
        )

    def forward(self, of_cells: Tensor) -> Tensor:
        result: Tensor = self.mix(of_cells)
        return result


class AcrossStatistics(nn.Module):
    """Logarithms of how a slice differs from those beside it: [B, 3, S, S] -> [B, G * G, C], one token for each cell.

    At three scales the least, mean and largest energy of the third channel in the blocks of a cell, and beside them the
    energy of the same second difference within the slice: partial volume is what makes the two differ (the first is
    small in thick slices), noise what makes them alike. 0 where nothing is known of the slices beside, so that single
    slices are seen as networks without this part see them; and until it has learnt.
    """

    SCALES = (1, 2, 4)
    FEATURES = 4 * len(SCALES)

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.cell = config.tile // config.grid
        hidden = config.channels // 2
        last = nn.Linear(hidden, config.channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.mix = nn.Sequential(nn.Linear(self.FEATURES, hidden), nn.GELU(), last)

    def forward(self, x: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for scale in self.SCALES:
            coarse = x if scale == 1 else functional.avg_pool2d(x, scale)
            within, between = coarse[:, :1], coarse[:, WINDOWS:]
            cell = self.cell // scale
            block = max(1, cell // 4)
            blocks = functional.avg_pool2d(between.square(), block)
            of_cell = cell // block
            maps += [
                -functional.max_pool2d(-blocks, of_cell),
                functional.avg_pool2d(blocks, of_cell),
                functional.max_pool2d(blocks, of_cell),
                functional.avg_pool2d(_second_differences(within), cell),
            ]
        is_known = x[:, WINDOWS:].abs().amax(dim=(1, 2, 3)) > 0
        result: Tensor = self.mix(_logarithms(maps)) * is_known[:, None, None]
        return result


def _second_differences(x: Tensor) -> Tensor:
    """Mean square of what a pixel differs by from the two beside it, along rows and columns: [..., H, W] -> same."""
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    middle = padded[..., 1:-1, 1:-1]
    along = middle - (padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 2
    down = middle - (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]) / 2
    return (along.square() + down.square()) / 2


def _logarithms(energies: list[Tensor]) -> Tensor:
    """Energies of cells [B, n, G, G] as features of the order of 1: [B, G * G, all of them]."""
    features = (torch.log10(torch.cat(energies, dim=1) + 1e-7) + 4) / 2
    return features.flatten(2).transpose(1, 2)
