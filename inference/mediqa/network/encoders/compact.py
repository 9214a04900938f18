"""The encoder of the profile ``small``: few multiplications, all of them in kernels that are fast on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.mediqa.network.encoders.filters import with_detail
from inference.mediqa.network.profiles import NetworkConfig

INPUTS = 4  # two windows and their detail


class DepthwiseBlock(nn.Module):
    """5 x 5 in each channel, then twice the channels and back, beside the identity: [B, C, H, W] -> same.

    After ConvNeXt (Liu et al., CVPR 2022), with normalisations that are folded into the convolutions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.body(x)
        return x + changed


def halving(inputs: int, outputs: int) -> nn.Sequential:
    """[B, inputs, H, W] -> [B, outputs, H / 2, W / 2]."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def convolutional_stages(widths: tuple[int, ...], blocks: tuple[int, ...]) -> nn.Sequential:
    """[B, 4, S, S] -> [B, widths[-1], S / 2 ** n, ...]: each stage halves, then has its blocks."""
    layers: list[nn.Module] = []
    for inputs, outputs, count in zip((INPUTS, *widths), widths, blocks, strict=False):
        layers += [halving(inputs, outputs), *(DepthwiseBlock(outputs) for _ in range(count))]
    return nn.Sequential(*layers)


class CompactEncoder(nn.Module):
    """[B, 2, S, S] -> [B, C, G, G]. Fine detail comes as channels of its own, amplified."""

    BLOCKS = (0, 1, 2, 2)

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.layers = convolutional_stages(config.widths, self.BLOCKS)

    def forward(self, tiles: Tensor) -> Tensor:
        grid: Tensor = self.layers(with_detail(tiles).contiguous(memory_format=torch.channels_last))
        return grid
