"""A training that can be stopped and taken up again: one safetensors file, replaced by one rename. Never pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inference.mediqa.checkpoint import under
from inference.mediqa.errors import CheckpointError
from inference.mediqa.network import Network


@dataclass
class TrainingState:
    """Where a training stands. ``seconds`` of training itself, over all its parts."""

    network: Network
    optimizer: torch.optim.Optimizer
    rng: np.random.Generator
    step: int = 0
    seconds: float = 0.0
    means: dict[str, float] = field(default_factory=dict)  # running means of the losses

    def save(self, path: Path, described: dict[str, Any]) -> None:
        """Write everything; ``described`` says what training this is."""
        tensors = {f"network.{name}": value.contiguous() for name, value in self.network.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in values.items()}
        document = {
            "described": described,
            "step": self.step,
            "seconds": self.seconds,
            "means": self.means,
            "rng": self.rng.bit_generator.state,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        save_file(tensors, partial, metadata={"state": json.dumps(document)})
        os.replace(partial, path)

    def restore(self, path: Path, described: dict[str, Any]) -> None:
        """Take up a training; raises CheckpointError where the file is another training's or can't be read."""
        tensors, document = _read(path)
        if document["described"] != json.loads(json.dumps(described)):  # where tuples are lists
            raise CheckpointError(f"{path.name} belongs to another training: remove it, or give another file.")
        try:
            self.network.load_state_dict(under(tensors, "network."))
            state = self.optimizer.state_dict()
            state["state"] = _by_index(under(tensors, "optimizer."))
            self.optimizer.load_state_dict(state)
        except (RuntimeError, ValueError) as error:
            raise CheckpointError(f"{path.name} does not fit this network.") from error
        self.rng.bit_generator.state = document["rng"]
        self.step, self.seconds, self.means = document["step"], document["seconds"], document["means"]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  not a mapping
            return tensors, json.loads(stored.metadata()["state"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path.name} can't be read as the state of a training.") from error


def _by_index(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    result: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        result.setdefault(int(index), {})[key] = value
    return result
