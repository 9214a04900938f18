"""The encoder of the first generation, which checkpoints from before the profiles hold: dense residual blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.encoders.compact import halving
from inference.mediqa.network.encoders.filters import DETAIL_GAIN, separable
from inference.mediqa.network.profiles import NetworkConfig


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity: [B, C, H, W] -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.body(x))


def _asinh(x: Tensor) -> Tensor:
    """The inverse hyperbolic sine, of operations that can be exported as a graph."""
    size = x.abs()
    return x.sign() * torch.log1p(size + size.square() / (1 + torch.sqrt(size.square() + 1)))


class ResidualEncoder(nn.Module):
    """[B, 2, S, S] -> [B, C, G, G]. Fine detail is given as channels of its own, amplified, by asinh."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(zip((4, *config.widths), config.widths, strict=False)):
            layers += list(halving(inputs, outputs))
            if index > 0:
                layers.append(ResidualBlock(outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, tiles: Tensor) -> Tensor:
        detail = _asinh(DETAIL_GAIN * (tiles - separable(tiles, 2.0) / 16))
        grid: Tensor = self.layers(torch.cat((tiles, detail), dim=1).contiguous(memory_format=torch.channels_last))
        return grid
