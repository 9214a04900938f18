"""The network: encoder, neck under the prompt, patch-weighted heads; which of each is a profile's.

After MedIQA (arXiv 2507.19004) and MANIQA (arXiv 2204.08958), written anew from their descriptions. B counts tiles,
N tokens of a tile, C channels, G the side of the token grid (N = G * G), V the channels of a tile, W numbers of the
slice as a whole. Patches and the whole are two experts: each is trained by itself, and what they say is averaged, so
that what one has learnt by heart can't silence the other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.attention import PromptEncoder
from inference.mediqa.network.encoders import build_encoder
from inference.mediqa.network.encoders.filters import WINDOWS, textures
from inference.mediqa.network.necks import build_neck
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.network.whole import WholeStatistics
from inference.mediqa.prompt import MODALITY

WHOLE = 0  # the kind of a tile that shows the whole slice
NOT_WHOLE = "This network does not look at slices as a whole."


class Judgement(NamedTuple):
    """What the heads say about B slices."""

    quality: Tensor  # [B] in 0..1
    log_variance: Tensor  # [B]
    severities: Tensor  # [B, kinds] in 0..1


class WholeJudgement(NamedTuple):
    """What is read from B slices as a whole alone."""

    quality: Tensor  # [B] in 0..1
    fidelity: Tensor  # [B] in 0..1
    severities: Tensor  # [B, kinds] in 0..1


class SideJudgement(NamedTuple):
    """What the heads of pre-training's side tasks say about B slices."""

    fidelity: Tensor  # [B] in 0..1, visible structure that is kept
    headers: Tensor  # [B, parameters], robust z-scores
    factors: tuple[Tensor, ...]  # of each prompt factor [B, words], logits
    projection: Tensor  # [B, projection_size], unit length


def patch_weighted(values: Tensor, weights: Tensor, dim: int = -1) -> Tensor:
    """sum(f w) / sum(w) along one axis; weights are positive."""
    return (values * weights).sum(dim) / weights.sum(dim).clamp(min=1e-6)


class Network(nn.Module):
    """Tiles and prompt to tokens (``encode``), tokens to a judgement (``judge``)."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        channels, size = config.channels, 2 * config.channels
        self.encoder = build_encoder(config)
        self.prompt = PromptEncoder(config)
        self.neck = build_neck(config)
        self.whole = WholeStatistics(config) if config.whole_size else None
        self.whole_reading = nn.Linear(config.whole_size, 2 + len(config.kinds)) if config.whole_size else None
        self.quality = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Linear(channels, 3))
        if config.generation == 1:
            self.severities: nn.Module = nn.Linear(size, len(config.kinds))
            self.factors = nn.ModuleList()
            return
        self.severities = nn.Sequential(nn.Linear(size, channels), nn.GELU(), nn.Linear(channels, len(config.kinds)))
        self.fidelity = nn.Linear(size, 1)
        self.headers = nn.Linear(size, len(config.header_parameters))
        self.factors = nn.ModuleList(nn.Linear(size, count) for count in config.vocabulary)
        self.projection = nn.Linear(size, config.projection_size)

    def encode(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Tensor:
        """[B, V, S, S], [B], [B, factors] -> pooled tokens [B, pooled_grid ** 2, C + W].

        The tiles of a slice follow its whole view; all their tokens are told of the slice as a whole. Before any whole
        view there is nothing to tell.
        """
        if self.whole is None:
            return self.encode_patches(tiles, tile_kinds, codes)
        of_cells = self.textures(tiles)
        patches = self._patches(tiles, of_cells, self.prompt(codes, tile_kinds))
        is_whole = tile_kinds == WHOLE
        prompt = self.prompt(codes[is_whole], tile_kinds[is_whole])
        seen = self.whole(tiles[:, :WINDOWS], is_whole, of_cells, prompt)
        told = functional.pad(seen, (0, 0, 1, 0))[torch.cumsum(is_whole.long(), dim=0)]
        return torch.cat((patches, told[:, None].to(patches.dtype).expand(-1, patches.shape[1], -1)), dim=-1)

    def encode_patches(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Tensor:
        """[B, V, S, S], [B], [B, factors] -> [B, pooled_grid ** 2, C], what the patches are by themselves."""
        of_cells = self.textures(tiles) if self.neck.LOOKS_AT_TEXTURES else None
        return self._patches(tiles, of_cells, self.prompt(codes, tile_kinds))

    def textures(self, tiles: Tensor) -> Tensor:
        """[B, V, S, S] -> [B, N, TEXTURES], what patches and the slice as a whole both look at."""
        return textures(tiles[:, :WINDOWS], self.config.patch)

    def _patches(self, tiles: Tensor, of_cells: Tensor | None, prompt: Tensor) -> Tensor:
        side = self.config.grid
        tokens = self.neck(self.encoder(tiles[:, :WINDOWS]), tiles, of_cells, prompt)  # [B, N, C]
        grid = tokens.transpose(1, 2).unflatten(-1, (side, side))
        return functional.avg_pool2d(grid, side // self.config.pooled_grid).flatten(2).transpose(1, 2)

    def embed(self, tokens: Tensor) -> Tensor:
        """[..., N, C + W] -> [..., 2 C + W], the embedding: mean and spread of patches, and the whole."""
        return torch.cat((summary(self.patches_of(tokens)), self.whole_of(tokens)), dim=-1)

    def patches_of(self, tokens: Tensor) -> Tensor:
        """[..., C + W] -> [..., C]"""
        return tokens[..., : self.config.channels]

    def whole_of(self, tokens: Tensor) -> Tensor:
        """[..., N, C + W] -> [..., W], of which all N are told alike"""
        return tokens[..., 0, self.config.channels :]

    def judge(self, tokens: Tensor, codes: Tensor) -> Judgement:
        """[B, T * pooled_grid ** 2, C + W], all tokens of B slices, [B, factors] -> Judgement: both experts' mean,
        weighted by modality."""
        patches = self.judge_patches(tokens)
        if self.whole is None:
            return patches
        whole, share = self.judge_whole(self.whole_of(tokens)), self.whole.shares[codes[:, MODALITY]]
        return Judgement(
            quality=torch.lerp(patches.quality, whole.quality, share),
            log_variance=patches.log_variance,
            severities=torch.lerp(patches.severities, whole.severities, share[:, None]),
        )

    def judge_patches(self, tokens: Tensor) -> Judgement:
        """All tokens of B slices [B, T * pooled_grid ** 2, C + W] -> what their patches say."""
        patches = self.patches_of(tokens)
        value, weight, spread = self.quality(patches).unbind(-1)  # [B, N] each
        weight = torch.sigmoid(weight)
        return Judgement(
            quality=patch_weighted(torch.sigmoid(value), weight),
            log_variance=patch_weighted(spread, weight).clamp(-7.0, 1.0),
            severities=torch.sigmoid(self.severities(summary(patches))),
        )

    def judge_whole(self, told: Tensor) -> WholeJudgement:
        """What is told of B slices as a whole [B, W] -> what it says.

        Raises ValueError where the network does not look at slices as a whole.
        """
        if self.whole_reading is None:
            raise ValueError(NOT_WHOLE)
        said = torch.sigmoid(self.whole_reading(told))
        return WholeJudgement(quality=said[:, 0], fidelity=said[:, 1], severities=said[:, 2:])

    def judge_aside(self, tokens: Tensor) -> SideJudgement:
        """All tokens of B slices [B, T * pooled_grid ** 2, C + W] -> what the side tasks say of their patches."""
        whole = summary(self.patches_of(tokens))
        return SideJudgement(
            fidelity=torch.sigmoid(self.fidelity(whole)[:, 0]),
            headers=self.headers(whole),
            factors=tuple(head(whole) for head in self.factors),
            projection=functional.normalize(self.projection(whole), dim=-1),
        )

    def forward(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor) -> Judgement:
        """[B, T, V, S, S], [T], [B, factors] -> Judgement of B slices."""
        return self.judge(self.encode_slices(tiles, tile_kinds, codes), codes)

    def encode_slices(self, tiles: Tensor, tile_kinds: Tensor, codes: Tensor, *, patches_only: bool = False) -> Tensor:
        """[B, T, V, S, S], [T], [B, factors] -> [B, T * pooled_grid ** 2, C + W], or C alone of patches."""
        batch, count = tiles.shape[:2]
        encode = self.encode_patches if patches_only else self.encode
        tokens = encode(tiles.flatten(0, 1), tile_kinds.repeat(batch), codes.repeat_interleave(count, dim=0))
        return tokens.reshape(batch, -1, tokens.shape[-1])


def summary(tokens: Tensor) -> Tensor:
    """Mean and spread over tokens: [..., N, C] -> [..., 2 C]."""
    return torch.cat((tokens.mean(dim=-2), tokens.std(dim=-2, unbiased=False)), dim=-1)


def tile_kinds(count: int) -> Tensor:
    """0 for the view of the whole slice, which comes first, 1 for each crop: int64 [count]."""
    return (torch.arange(count) > 0).long()
