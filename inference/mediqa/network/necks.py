"""Necks: a grid of tokens and a prompt to tokens that know both. Channel and window attention are in all of them.

B counts tiles, V the channels of a tile, G the side of the grid, N = G * G tokens, C channels, P numbers of a prompt.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.mediqa.network.attention import ChannelAttention, WindowAttention
from inference.mediqa.network.encoders.filters import AcrossStatistics, TextureStatistics
from inference.mediqa.network.profiles import NetworkConfig


class PromptedNeck(nn.Module):
    """Ours: statistics of texture, within the slice and across slices, are added to the tokens; then stages of
    attention under the prompt."""

    LOOKS_AT_TEXTURES = True

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.texture = TextureStatistics(config)
        self.across = AcrossStatistics(config) if config.looks_across else None
        self.position = nn.Parameter(torch.zeros(1, config.grid**2, config.channels))
        layers: list[nn.Module] = []
        for _ in range(config.stages):
            layers.append(ChannelAttention(config.channels, config.heads, config.prompt_size))
            layers.append(WindowAttention(config, 0))
            layers.append(WindowAttention(config, config.window // 2))
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(config.channels)

    def forward(self, grid: Tensor, tiles: Tensor, of_cells: Tensor, prompt: Tensor) -> Tensor:
        """[B, C, G, G], [B, V, S, S], their textures [B, N, TEXTURES], [B, P] -> [B, N, C]."""
        tokens = grid.flatten(2).transpose(1, 2) + self.texture(of_cells) + self.position
        if self.across is not None:
            tokens = tokens + self.across(tiles)
        for layer in self.layers:
            tokens = layer(tokens, prompt)
        result: Tensor = self.norm(tokens)
        return result


class PublishedStage(nn.Module):
    """Two channel attentions, a reduction of channels, and two window layers, each with the prompt added after it.

    A window layer is two window attentions and a convolution, scaled by 0.8 and added to its input.
    """

    SCALE = 0.8
    LAYERS = 2

    def __init__(self, config: NetworkConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self.channels = nn.ModuleList(ChannelAttention(inputs, config.heads, config.prompt_size) for _ in range(2))
        self.reduce = nn.Linear(inputs, outputs)
        self.windows = nn.ModuleList(
            WindowAttention(config, shift, outputs) for _ in range(self.LAYERS) for shift in (0, config.window // 2)
        )
        self.mix = nn.ModuleList(nn.Conv2d(outputs, outputs, 3, padding=1) for _ in range(self.LAYERS))
        self.prompt = nn.Linear(config.prompt_size, outputs)

    def forward(self, tokens: Tensor, prompt: Tensor) -> Tensor:
        """[B, N, inputs], [B, P] -> [B, N, outputs]."""
        for attention in self.channels:
            tokens = attention(tokens, prompt)
        tokens = self.reduce(tokens)
        for index, convolution in enumerate(self.mix):
            changed = tokens
            for attention in self.windows[2 * index : 2 * index + 2]:
                changed = attention(changed, prompt)
            changed = torch.relu(_on_the_grid(convolution, changed))
            tokens = self.SCALE * changed + tokens + self.prompt(prompt)[:, None]
        return tokens


class PublishedNeck(nn.Module):
    """The published one: a stage at the width of the encoder, a stage at half of it."""

    LOOKS_AT_TEXTURES = False

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, narrow = config.widths
        tapped = width * len(config.taps)
        self.wide = PublishedStage(config, tapped, width)
        self.narrow = PublishedStage(config, width, narrow)
        self.norm = nn.LayerNorm(narrow)

    def forward(self, grid: Tensor, tiles: Tensor, of_cells: Tensor | None, prompt: Tensor) -> Tensor:
        """[B, taps * width, G, G], ..., [B, P] -> [B, N, C]; the tiles themselves are not looked at."""
        del tiles, of_cells
        tokens = self.wide(grid.flatten(2).transpose(1, 2), prompt)
        result: Tensor = self.norm(self.narrow(tokens, prompt))
        return result


def build_neck(config: NetworkConfig) -> nn.Module:
    """Return the neck of a profile."""
    return PublishedNeck(config) if config.encoder == "paper" else PromptedNeck(config)


def _on_the_grid(convolution: nn.Module, tokens: Tensor) -> Tensor:
    """Apply a convolution to [B, N, C] as to a square grid."""
    batch, count, channels = tokens.shape
    side = round(count**0.5)
    grid = tokens.transpose(1, 2).reshape(batch, channels, side, side)
    result: Tensor = convolution(grid).flatten(2).transpose(1, 2)
    return result
