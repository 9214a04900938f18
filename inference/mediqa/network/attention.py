"""Attention under the prompt: over channels, and within windows of the token grid.

After MedIQA (arXiv 2507.19004) and MANIQA (arXiv 2204.08958), written anew from their descriptions. B counts tiles,
N tokens of a tile, C channels, P numbers of a prompt, G the side of the token grid (N = G * G).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.grids import grid_of, relative_offsets, shift_mask, windows_of
from inference.mediqa.network.profiles import NetworkConfig


class PromptEncoder(nn.Module):
    """Factor indices [B, factors] and kind of tile [B] -> [B, P]: a sum of embeddings, then an MLP."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.factors = nn.ModuleList(nn.Embedding(count, config.prompt_size) for count in config.vocabulary)
        self.tile = nn.Embedding(2, config.prompt_size)  # 0 whole view, 1 crop
        self.mix = nn.Sequential(
            nn.Linear(config.prompt_size, config.prompt_size),
            nn.GELU(),
            nn.Linear(config.prompt_size, config.prompt_size),
        )

    def forget_unseen(self, codes: Tensor) -> None:
        """Let words that no training image had ([M, factors]) mean no more than "unknown"."""
        with torch.no_grad():
            for index, weight in enumerate(self.factors.parameters()):
                unseen = torch.ones(len(weight), dtype=torch.bool)
                unseen[codes[:, index]] = False
                weight[unseen] = weight[0].clone()

    def forward(self, codes: Tensor, tile_kinds: Tensor) -> Tensor:
        total: Tensor = self.tile(tile_kinds)
        for index, embedding in enumerate(self.factors):
            total = total + embedding(codes[:, index])
        result: Tensor = self.mix(total)
        return result


class PromptFilm(nn.Module):
    """LayerNorm whose gain and offset come from the prompt; the identity at the start of training."""

    def __init__(self, channels: int, prompt_size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.modulation = nn.Linear(prompt_size, 2 * channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, tokens: Tensor, prompt: Tensor) -> Tensor:
        gain, offset = self.modulation(prompt)[:, None, :].chunk(2, dim=-1)  # [B, 1, C] each
        result: Tensor = self.norm(tokens) * (1 + gain) + offset
        return result


class ChannelAttention(nn.Module):
    """Transposed attention: channels attend to channels over all places, [B, N, C] -> same.

    Queries and keys have unit length along N, so the weights do not depend on N; the result stays in
    [heads, C / heads, N] until it is turned back, so channel and place are not mixed up.
    """

    def __init__(self, channels: int, heads: int, prompt_size: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = PromptFilm(channels, prompt_size)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.out = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, prompt: Tensor) -> Tensor:
        batch, count, channels = tokens.shape
        qkv = self.qkv(self.norm(tokens, prompt))  # [B, N, 3C]
        qkv = qkv.reshape(batch, count, 3, self.heads, channels // self.heads).permute(2, 0, 3, 4, 1)
        query, key, value = qkv  # [B, heads, C / heads, N]
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        weights = torch.softmax(query @ key.transpose(-1, -2) * self.temperature, dim=-1)
        mixed = (weights @ value).permute(0, 3, 1, 2).reshape(batch, count, channels)
        result: Tensor = tokens + self.out(mixed)
        return result


class WindowAttention(nn.Module):
    """Attention within windows of the token grid, shifted for every other layer, then an MLP; [B, N, C]."""

    def __init__(self, config: NetworkConfig, shift: int, channels: int | None = None) -> None:
        super().__init__()
        channels, self.heads = channels or config.channels, config.heads
        self.grid, self.window, self.shift = config.grid, config.window, shift
        self.norm = PromptFilm(channels, config.prompt_size)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros((2 * self.window - 1) ** 2, self.heads))
        self.mlp_norm = PromptFilm(channels, config.prompt_size)
        self.mlp = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))
        self.register_buffer("offsets", relative_offsets(self.window), persistent=False)
        self.register_buffer("mask", shift_mask(self.grid, self.window, shift), persistent=False)

    def forward(self, tokens: Tensor, prompt: Tensor) -> Tensor:
        batch, count, channels = tokens.shape
        grid = self.norm(tokens, prompt).reshape(batch, self.grid, self.grid, channels)
        rolled = torch.roll(grid, (-self.shift, -self.shift), dims=(1, 2))
        attended = self._attend(windows_of(rolled, self.window))
        merged = grid_of(attended, self.window, self.grid)
        merged = torch.roll(merged, (self.shift, self.shift), dims=(1, 2)).reshape(batch, count, channels)
        tokens = tokens + merged
        result: Tensor = tokens + self.mlp(self.mlp_norm(tokens, prompt))
        return result

    def _attend(self, windows: Tensor) -> Tensor:
        """[B, W, n, C] with W windows of n tokens -> same."""
        batch, count, length, channels = windows.shape
        qkv = self.qkv(windows).reshape(batch, count, length, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5)  # [B, W, heads, n, C / heads]
        bias = self.bias[self.get_buffer("offsets")].permute(2, 0, 1)  # [heads, n, n]
        weights = query @ key.transpose(-1, -2) / math.sqrt(channels // self.heads) + bias
        weights = torch.softmax(weights + self.get_buffer("mask")[:, None], dim=-1)
        result: Tensor = self.out((weights @ value).transpose(2, 3).reshape(windows.shape))
        return result
