"""The encoder of the profile ``external``: any local vision transformer of the transformers library, kept frozen.

DINOv2, RAD-DINO and their like, from a folder with ``config.json`` and safetensors; nothing is downloaded and no code
of the folder is run. The weights travel in our own checkpoint, so that it stands alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel

from inference.mediqa.errors import CheckpointError
from inference.mediqa.network.profiles import NetworkConfig

MEAN, DEVIATION = 0.449, 0.226  # of grey values, ImageNet: the mean over the usual three channels


def external_settings(folder: Path) -> str:
    """Return what ``NetworkConfig.external`` holds; raises CheckpointError where the folder holds no model."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True).to_dict()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder.name} holds no model that the transformers library knows.") from error
    config = config.get("vision_config", config)  # CLIP and its like: the part that sees
    if missing := [name for name in ("model_type", "patch_size", "hidden_size") if name not in config]:
        raise CheckpointError(f"The model in {folder.name} is no vision transformer: it has no {missing[0]}.")
    return json.dumps(config, sort_keys=True)


class ExternalEncoder(nn.Module):
    """[B, 2, S, S] -> [B, C, G, G]; only the projection of the foreign tokens learns."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        settings = json.loads(config.external)
        self.patch, self.grid = int(settings["patch_size"]), config.grid
        self.model = AutoModel.from_config(AutoConfig.for_model(**settings), trust_remote_code=False)  # type: ignore[no-untyped-call]
        self.model.requires_grad_(requires_grad=False)
        self.projection = nn.Conv2d(int(settings["hidden_size"]), config.channels, 1)

    def forward(self, tiles: Tensor) -> Tensor:
        colour = torch.cat((tiles, tiles.mean(dim=1, keepdim=True)), dim=1)  # wide, narrow and the mean of both
        side = tiles.shape[-1] // self.patch
        with torch.no_grad():
            self.model.eval()
            found = self.model(pixel_values=(colour - MEAN) / DEVIATION).last_hidden_state
        tokens = found[:, -(side**2) :]  # behind the class and register tokens
        grid = tokens.transpose(1, 2).reshape(len(tiles), -1, side, side)
        result: Tensor = functional.interpolate(
            self.projection(grid), (self.grid, self.grid), mode="bilinear", antialias=False
        )
        return result


def load_weights(encoder: ExternalEncoder, folder: Path) -> None:
    """Take the weights from the folder; raises CheckpointError where they can't be read."""
    try:
        trained = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        _part_that_sees(encoder.model).load_state_dict(_part_that_sees(trained).state_dict())
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"The weights in {folder.name} can't be read.") from error


def _part_that_sees(model: nn.Module) -> nn.Module:
    """Of a model of pictures and words (CLIP) its vision transformer; any other is one."""
    found: nn.Module = getattr(model, "vision_model", model)
    return found
