"""What runs the frozen encoder: torch, or on a CPU ONNX Runtime with the graph that lies beside the checkpoint.

ONNX Runtime was chosen by measurement (docs/model.md). A graph is used only for the weights that it was made from, and
only where it says the same as torch on real images.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
import torch
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_rescale
from torch import Tensor

from inference.mediqa.network.network import Network, tile_kinds
from inference.mediqa.preprocessing import PreprocessingConfig, prepare
from inference.mediqa.prompt import prompt_codes, prompt_from_header
from inference.mediqa.types import ImageArray

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4  # largest difference of a token (they are of the order of 1) between the two
TILES_AT_ONCE = 16  # by torch on a CPU
SLICES_AT_ONCE = 32  # on a GPU
VERSION_KEY = "features_version"  # metadata of a graph
PROBES = ("CT_small.dcm", "MR_small.dcm", "emri_small.dcm")  # real images that come with pydicom
BESIDE_EACH_OTHER = (1.0, 1.0, 1.0)  # mm: frames are taken for slices of a stack, so that every part runs


class Runtime(Protocol):
    name: str

    def encode_slices(self, tiles: Tensor, codes: Tensor) -> Tensor:
        """[B, T, V, S, S], [B, factors] -> float32 tokens [B, N, C], on the CPU."""


class TorchRuntime:
    """The network itself, on its device."""

    name = "torch"

    def __init__(self, network: Network, device: torch.device) -> None:
        self.network, self.device = network, device

    def encode_slices(self, tiles: Tensor, codes: Tensor) -> Tensor:
        kinds = tile_kinds(tiles.shape[1]).to(self.device)
        at_once = SLICES_AT_ONCE if self.device.type == "cuda" else max(1, TILES_AT_ONCE // tiles.shape[1])
        with torch.inference_mode():
            parts = [
                self.network.encode_slices(part.to(self.device).float(), kinds, code.to(self.device)).float().cpu()
                for part, code in zip(torch.split(tiles, at_once), torch.split(codes, at_once), strict=True)
            ]
        return torch.cat(parts)


class OnnxRuntime:
    """A graph of ``Network.encode``, on the CPU, with as many threads as torch has."""

    name = "onnxruntime"

    def __init__(self, graph: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    @property
    def features_version(self) -> str:
        """Of the network that the graph was made from; empty where it does not say."""
        return str(self.session.get_modelmeta().custom_metadata_map.get(VERSION_KEY, ""))

    def encode_slices(self, tiles: Tensor, codes: Tensor) -> Tensor:
        kinds = tile_kinds(tiles.shape[1])
        return torch.stack([self._encode(one, kinds, code) for one, code in zip(tiles, codes, strict=True)])

    def _encode(self, tiles: Tensor, kinds: Tensor, code: Tensor) -> Tensor:
        """Tokens of one slice, which is what a core's cache holds: [T, V, S, S], [T], [factors] -> [N, C]."""
        columns = {"tiles": tiles.float(), "tile_kinds": kinds, "codes": code.expand(len(tiles), -1)}
        (tokens,) = self.session.run(None, {name: value.numpy() for name, value in columns.items()})
        return torch.from_numpy(np.asarray(tokens)).flatten(0, 1)


def choose_runtime(network: Network, device: torch.device, features_version: str, graphs: Iterable[Path]) -> Runtime:
    """Return ONNX Runtime where one of the graphs is this network's, and says the same; else torch.

    A graph that says something else is told in the log, for it should never have been shipped.
    """
    ours = TorchRuntime(network, device)
    if device.type != "cpu":
        return ours
    for path in graphs:
        graph = _graph_in(path)
        if graph is None or graph.features_version != features_version:
            continue
        difference = largest_difference(ours, graph, network.config.preprocessing)
        if difference <= TOLERANCE:
            return graph
        logger.warning("%s differs from its network by %.2g: torch is used instead", path.name, difference)
    return ours


def largest_difference(first: Runtime, second: Runtime, config: PreprocessingConfig) -> float:
    """Return the largest absolute difference of tokens on the real images of ``PROBES``; infinite without any."""
    differences = [_difference(first, second, config, path) for name in PROBES if (path := _probe(name)) is not None]
    return max(differences, default=float("inf"))


def _difference(first: Runtime, second: Runtime, config: PreprocessingConfig, path: Path) -> float:
    image = prepare(_stack(path), config)
    tiles = torch.from_numpy(image.tiles)
    codes = torch.tensor([prompt_codes(image.prompt)]).repeat(len(tiles), 1)
    return float((first.encode_slices(tiles, codes) - second.encode_slices(tiles, codes)).abs().max())


def _stack(path: Path) -> ImageArray:
    """The frames of a grey file in modality units, as a stack."""
    dataset = dcmread(path)
    frames = np.asarray(apply_rescale(dataset.pixel_array, dataset), dtype=np.float32)
    pixels = frames if frames.ndim == 3 else frames[None]
    prompt, _ = prompt_from_header({"Modality": dataset.Modality, "slices": len(pixels)})
    return ImageArray(pixels=pixels, prompt=prompt, spacing_mm=BESIDE_EACH_OTHER)


def _probe(name: str) -> Path | None:
    path = get_testdata_file(name, download=False)
    return Path(str(path)) if path is not None else None


def _graph_in(path: Path) -> OnnxRuntime | None:
    if not path.is_file():
        return None
    try:
        return OnnxRuntime(path.read_bytes())
    except Exception as error:  # ONNX Runtime raises classes of its own for each way a file can be damaged
        logger.warning("%s can't be used (%s): torch is used instead", path.name, type(error).__name__)
        return None
