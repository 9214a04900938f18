"""Vision transformers in plain torch: blocks for the profile ``base``, and the published encoder for ``paper``.

After Dosovitskiy et al. (ICLR 2021), pre-norm. N counts tokens, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.encoders.filters import with_detail
from inference.mediqa.network.profiles import NetworkConfig

SIZE_OF_HEAD = 64


class TransformerBlock(nn.Module):
    """Attention over all tokens, then an MLP of four times the width: [B, N, C] -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // SIZE_OF_HEAD)
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, channels = tokens.shape
        qkv = self.qkv(self.norm(tokens)).reshape(batch, count, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # [B, heads, N, C / heads] each
        mixed = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(batch, count, channels))
        result: Tensor = tokens + self.mlp(tokens)
        return result


class TappedTransformer(nn.Module):
    """[B, 2, S, S] -> [B, taps * width, G, G]: the outputs of several blocks side by side.

    The published encoder is a ViT-B/8 of which blocks 6 to 9 are read; blocks behind the last tap are left out, and
    so is the class token, which nothing reads. Its ImageNet weights do not come with this package.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.widths[0]
        self.taps = config.taps
        self.patches = nn.Conv2d(4, width, config.patch, stride=config.patch)
        self.position = nn.Parameter(0.02 * torch.randn(1, config.grid**2, width))
        self.blocks = nn.ModuleList(TransformerBlock(width) for _ in range(max(config.taps) + 1))

    def forward(self, tiles: Tensor) -> Tensor:
        grid = self.patches(with_detail(tiles))  # [B, width, G, G]
        tokens = grid.flatten(2).transpose(1, 2) + self.position
        seen: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.taps:
                seen.append(tokens)
        joined = torch.cat(seen, dim=-1).transpose(1, 2)
        return joined.reshape(len(tiles), -1, *grid.shape[-2:])
