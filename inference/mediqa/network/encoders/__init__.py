"""Encoders: tiles [B, 2, S, S] to a grid of tokens [B, C, G, G], one file a profile. None of them knows the prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from torch import nn

from inference.mediqa.network.encoders.compact import CompactEncoder
from inference.mediqa.network.encoders.hybrid import HybridEncoder
from inference.mediqa.network.encoders.residual import ResidualEncoder
from inference.mediqa.network.encoders.vit import TappedTransformer
from inference.mediqa.network.profiles import NetworkConfig


def _external(config: NetworkConfig) -> nn.Module:
    """The one that needs the extra ``external``, so it is imported only for those who use it."""
    encoder: nn.Module = import_module("inference.mediqa.network.encoders.external").ExternalEncoder(config)
    return encoder


ENCODERS: Mapping[str, Callable[[NetworkConfig], nn.Module]] = {
    "compact": CompactEncoder,
    "residual": ResidualEncoder,
    "hybrid": HybridEncoder,
    "paper": TappedTransformer,
    "external": _external,
}


def build_encoder(config: NetworkConfig) -> nn.Module:
    """Return a new encoder; raises ValueError for an unknown name."""
    if config.encoder not in ENCODERS:
        raise ValueError(f"No encoder {config.encoder!r}; there are {', '.join(ENCODERS)}.")
    return ENCODERS[config.encoder](config)
