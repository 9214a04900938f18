"""A training that starts from a checkpoint instead of from nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from inference.mediqa.errors import CheckpointError
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining.settings import is_learnt

# What older networks lack, which looked at single slices and their patches alone, and what says whether they have it.
MAY_BE_NEW = {"neck.across": "looks_across", "whole": "whole_size"}


@dataclass(frozen=True)
class Start:
    """A network to go on with, and what it was trained on before."""

    network: Network
    training: dict[str, Any]

    @classmethod
    def of_checkpoint(cls, path: Path, config: NetworkConfig, learns: Sequence[str] = ()) -> Start:
        """Return a network of ``config`` with a checkpoint's weights; raises CheckpointError where they don't fit.

        learns: the parts that are to learn, if not all. A part that the checkpoint lacks and that does not learn would
        cost time and say nothing: the network goes on without it.
        """
        before = Predictor.load(path, device="cpu")
        for part, setting in MAY_BE_NEW.items():
            value = getattr(before.config, setting)
            if not value and not is_learnt(part, learns):
                config = replace(config, **{setting: value})
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = Network(config)
        try:
            lacking, unknown = network.load_state_dict(before.network.state_dict(), strict=False)
        except RuntimeError as error:
            raise CheckpointError(f"{path.name} has another shape than the profile: train without --start.") from error
        if unknown or any(not name.startswith(tuple(MAY_BE_NEW)) for name in lacking):
            raise CheckpointError(f"{path.name} is of another profile: train without --start, or give its profile.")
        kept = ("command", "steps", "sources", "held_out", "development", "config", "started_from")
        training = {key: before.training[key] for key in kept if key in before.training}
        return cls(network, {"sha256": before.sha256, **training})

    def told_in(self, training: dict[str, Any]) -> dict[str, Any]:
        """Return an account of the training that goes on, with this one in it and the sources of both."""
        both = {key: sorted({*training[key], *self.training.get(key, ())}) for key in ("sources", "development")}
        return training | both | {"started_from": self.training}

    def check_held_out(self, sources: Collection[str]) -> None:
        """Raise ValueError where the checkpoint was trained on, or its settings chosen on, what is to be held out."""
        known = {*self.training.get("sources", ()), *self.training.get("development", ())}
        if seen := sorted(known & set(sources)):
            raise ValueError(f"The checkpoint to start from has seen {', '.join(seen)}: hold out other sources.")
