"""The encoder of the profile ``base``: convolutions see noise and edges, a transformer sees the whole tile."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.mediqa.network.encoders.compact import convolutional_stages
from inference.mediqa.network.encoders.filters import with_detail
from inference.mediqa.network.encoders.vit import TransformerBlock
from inference.mediqa.network.profiles import NetworkConfig


class HybridEncoder(nn.Module):
    """[B, 2, S, S] -> [B, C, G, G]; early convolutions make transformers train well (Xiao et al., NeurIPS 2021)."""

    BLOCKS = (0, 1, 2, 1)

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.stem = convolutional_stages(config.widths, self.BLOCKS)
        self.position = nn.Parameter(0.02 * torch.randn(1, config.channels, config.grid, config.grid))
        self.blocks = nn.Sequential(*(TransformerBlock(config.channels) for _ in range(config.depth)))

    def forward(self, tiles: Tensor) -> Tensor:
        grid = self.stem(with_detail(tiles)) + self.position
        tokens = self.blocks(grid.flatten(2).transpose(1, 2))
        result: Tensor = tokens.transpose(1, 2).reshape(grid.shape)
        return result
