"""The network: convolutional encoder, channel and window attention under the prompt, patch-weighted heads.

After MedIQA (arXiv 2507.19004) and MANIQA (arXiv 2204.08958), written anew from their descriptions and small
enough for a CPU. B counts tiles, N tokens of a tile, C channels, G the side of the token grid (N = G * G).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.grids import grid_of, relative_offsets, shift_mask, windows_of
from inference.mediqa.headers import HEADER_PARAMETERS
from inference.mediqa.physics.degradations import KINDS
from inference.mediqa.preprocessing import PreprocessingConfig
from inference.mediqa.prompt import VOCABULARY


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides shapes; stored in the checkpoint."""

    tile: int = 128
    crops: int = 4
    slices: int = 5
    widths: tuple[int, ...] = (16, 32, 64, 96)  # the first stage only strides, the others have a residual block
    window: int = 4
    heads: int = 4
    stages: int = 1
    prompt_size: int = 32
    pooled_grid: int = 4  # tokens kept of a tile: pooled_grid ** 2
    kinds: tuple[str, ...] = KINDS
    header_parameters: tuple[str, ...] = HEADER_PARAMETERS
    projection_size: int = 48
    vocabulary: tuple[int, ...] = tuple(len(words) for words in VOCABULARY.values())
    generation: int = 2  # 1: before the multi-task pre-training, without its heads

    @property
    def channels(self) -> int:
        return self.widths[-1]

    @property
    def grid(self) -> int:
        """Side of the token grid of a tile before pooling."""
        return int(self.tile // 2 ** len(self.widths))

    @property
    def tiles(self) -> int:
        return self.crops + 1

    @property
    def tokens(self) -> int:
        """Cached tokens of a slice."""
        return self.tiles * self.pooled_grid**2

    @property
    def embedding_size(self) -> int:
        return 2 * self.channels

    @property
    def preprocessing(self) -> PreprocessingConfig:
        return PreprocessingConfig(tile=self.tile, crops=self.crops, slices=self.slices)

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> NetworkConfig:
        """Read ``to_document`` (without a generation: of the first); raises TypeError for unknown fields."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
        }
        return cls(**({"generation": 1} | values))


class Judgement(NamedTuple):
    """What the heads say about B slices."""

    quality: Tensor  # [B] in 0..1
    log_variance: Tensor  # [B]
    severities: Tensor  # [B, kinds] in 0..1


class Reading(NamedTuple):
    """What the other heads of pre-training say about B slices."""

    fidelity: Tensor  # [B] in 0..1, visible structure that is kept
    headers: Tensor  # [B, parameters], robust z-scores
    factors: tuple[Tensor, ...]  # of each prompt factor [B, words], logits
    projection: Tensor  # [B, projection_size], unit length


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


class ConvolutionalEncoder(nn.Module):
    """[B, 2, S, S] windows -> [B, C, G, G]. Fine detail is given as channels of its own, amplified."""

    DETAIL_GAIN = 8.0

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.compress = torch.asinh if config.generation == 1 else root_compressed
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(zip((4, *config.widths), config.widths, strict=False)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
            if index > 0:
                layers.append(ResidualBlock(outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        detail = self.compress(self.DETAIL_GAIN * (x - separable(x, 2.0) / 16))
        stacked = torch.cat((x, detail), dim=1).contiguous(memory_format=torch.channels_last)
        result: Tensor = self.layers(stacked)
        return result


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
        for axis in (-1, -2):
            step = functional.pad(x.diff(dim=axis), (0, 1, 0, 0) if axis == -1 else (0, 0, 0, 1))
            maps.append(functional.avg_pool2d(step.square(), self.cell))
        features = (torch.log10(torch.cat(maps, dim=1) + 1e-7) + 4) / 2  # [B, FEATURES, G, G]
        result: Tensor = self.mix(features.flatten(2).transpose(1, 2))
        return result


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

    def __init__(self, config: NetworkConfig, shift: int) -> None:
        super().__init__()
        channels, self.heads = config.channels, config.heads
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


def patch_weighted(values: Tensor, weights: Tensor, dim: int = -1) -> Tensor:
    """sum(f w) / sum(w) along one axis; weights are positive."""
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1e-6)


class Network(nn.Module):
    """Tiles and prompt to tokens (``encode``), tokens to a judgement (``judge``)."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        channels = config.channels
        self.encoder = ConvolutionalEncoder(config)
        self.texture = TextureStatistics(config)
        self.prompt = PromptEncoder(config)
        self.position = nn.Parameter(torch.zeros(1, config.grid**2, channels))
        layers: list[nn.Module] = []
        for _ in range(config.stages):
            layers.append(ChannelAttention(channels, config.heads, config.prompt_size))
            layers.append(WindowAttention(config, 0))
            layers.append(WindowAttention(config, config.window // 2))
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(channels)
        self.quality = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, 3))
        if config.generation == 1:
            self.severities: nn.Module = nn.Linear(config.embedding_size, len(config.kinds))
            return
        size = config.embedding_size
        self.severities = nn.Sequential(nn.Linear(size, channels), nn.GELU(), nn.Linear(channels, len(config.kinds)))
        self.fidelity = nn.Linear(size, 1)
        self.headers = nn.Linear(size, len(config.header_parameters))
        self.factors = nn.ModuleList(nn.Linear(size, count) for count in config.vocabulary)
        self.projection = nn.Linear(size, config.projection_size)

    def encode(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Tensor:
        """[B, 2, S, S], [B], [B, factors] -> pooled tokens [B, pooled_grid ** 2, C]."""
        grid = self.encoder(tiles)  # [B, C, G, G]
        prompt = self.prompt(codes, tile_kinds)  # [B, P]
        tokens = grid.flatten(2).transpose(1, 2) + self.texture(tiles) + self.position  # [B, N, C]
        for layer in self.layers:
            tokens = layer(tokens, prompt)
        tokens = self.norm(tokens).transpose(1, 2).reshape(grid.shape)
        pooled = functional.adaptive_avg_pool2d(tokens, self.config.pooled_grid)
        return pooled.flatten(2).transpose(1, 2)

    def judge(self, tokens: Tensor) -> Judgement:
        """All tokens of B slices [B, T * pooled_grid ** 2, C] -> Judgement."""
        value, weight, spread = self.quality(tokens).unbind(-1)  # [B, N] each
        weight = torch.sigmoid(weight)
        return Judgement(
            quality=patch_weighted(torch.sigmoid(value), weight),
            log_variance=patch_weighted(spread, weight).clamp(-7.0, 1.0),
            severities=torch.sigmoid(self.severities(summary(tokens))),
        )

    def read(self, tokens: Tensor) -> Reading:
        """All tokens of B slices [B, T * pooled_grid ** 2, C] -> Reading."""
        whole = summary(tokens)
        return Reading(
            fidelity=torch.sigmoid(self.fidelity(whole)[:, 0]),
            headers=self.headers(whole),
            factors=tuple(head(whole) for head in self.factors),
            projection=functional.normalize(self.projection(whole), dim=-1),
        )

    def forward(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Judgement:
        """[B, T, 2, S, S], [T], [B, factors] -> Judgement of B slices."""
        return self.judge(self.encode_slices(tiles, tile_kinds, codes))

    def encode_slices(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Tensor:
        """[B, T, 2, S, S], [T], [B, factors] -> [B, T * pooled_grid ** 2, C]."""
        batch, count = tiles.shape[:2]
        tokens = self.encode(tiles.flatten(0, 1), tile_kinds.repeat(batch), codes.repeat_interleave(count, dim=0))
        return tokens.reshape(batch, -1, tokens.shape[-1])


def summary(tokens: Tensor) -> Tensor:
    """Mean and spread over tokens: [..., N, C] -> [..., 2 C]; the embedding of a slice."""
    return torch.cat((tokens.mean(dim=-2), tokens.std(dim=-2, unbiased=False)), dim=-1)
