"""Write the encoder of a checkpoint as an ONNX graph, which runs faster on a CPU. Needs the extra ``pretraining``."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from inference.mediqa.network import tile_kinds
from inference.mediqa.network.runtime import TILES_AT_ONCE, VERSION_KEY
from inference.mediqa.predictor import Predictor

OPSET = 17
INPUTS = ("tiles", "tile_kinds", "codes")


class _Encoding(nn.Module):
    """``Network.encode`` as a module of its own, which is what can be exported."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.network = predictor.network

    def forward(self, tiles: Tensor, kinds: Tensor, codes: Tensor) -> Tensor:
        return self.network.encode(tiles, kinds, codes)


def export_encoder(predictor: Predictor, path: Path) -> Path:
    """Write the graph to ``path``, by one rename, marked with the version of the features that it gives."""
    config = predictor.config
    example = (
        torch.rand(TILES_AT_ONCE, config.views, config.tile, config.tile),
        tile_kinds(TILES_AT_ONCE),
        torch.zeros(TILES_AT_ONCE, len(config.vocabulary), dtype=torch.long),
    )
    partial = path.with_name(path.name + ".partial")
    with warnings.catch_warnings():  # that the exporter is the older one, which needs no further package
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Encoding(predictor).eval(), example, partial, input_names=list(INPUTS), output_names=["tokens"],
            dynamic_axes={name: {0: "n"} for name in (*INPUTS, "tokens")}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    model = onnx.load(partial)
    onnx.helper.set_model_props(model, {VERSION_KEY: predictor.features_version})
    onnx.save(model, partial)
    os.replace(partial, path)
    return path
