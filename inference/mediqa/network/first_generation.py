"""Names of the tensors in checkpoints of the first generation, from before the network had a neck.

They are kept on disk and in the name of the features, so that what was made with such a checkpoint stays valid.
"""

from __future__ import annotations

from torch import Tensor

from inference.mediqa.network.profiles import NetworkConfig

NECK = "neck."
MOVED = ("texture.", "position", "layers.", "norm.")  # into the neck


def current_names(tensors: dict[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """Return stored tensors of a network by the names that it has today."""
    if config.generation > 1:
        return tensors
    return {f"{NECK}{name}" if name.startswith(MOVED) else name: value for name, value in tensors.items()}


def stored_names(tensors: dict[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """Undo ``current_names``."""
    return {name.removeprefix(NECK): value for name, value in tensors.items()} if config.generation == 1 else tensors
