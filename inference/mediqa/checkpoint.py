"""Checkpoints: weights as safetensors, everything else as JSON beside them. Never pickle.

The JSON holds the sha256 of the weights, the configuration, the versions of preprocessing and code, and the
names of the training data. Whatever does not fit together is refused with CheckpointError. No torch here, so
that a web process can check a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from inference.mediqa.errors import CheckpointError
from inference.mediqa.versions import CHECKPOINT_FORMAT, CODE_VERSION, PREPROCESSING_VERSION

NumberArray: TypeAlias = npt.NDArray[Any]
Named = TypeVar("Named")
SEEN_OTHERWISE = ("keeps_screen", "whole_floored")  # settings that give other features by the same weights
DEFAULT_CHECKPOINT = Path(__file__).parent / "checkpoints" / "mediqa-small.safetensors"


def under(tensors: Mapping[str, Named], prefix: str) -> dict[str, Named]:
    """Return the tensors of a part, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class CheckpointFiles:
    """Where a checkpoint was written."""

    weights: Path
    document: Path
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by dotted name, and the JSON document."""

    tensors: dict[str, NumberArray]
    document: dict[str, Any]


def pack_checkpoint(tensors: Mapping[str, NumberArray], document: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return (weights, document) as bytes; hash and versions are added to the document."""
    weights = save_safetensors({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    full = dict(document) | {
        "format": CHECKPOINT_FORMAT,
        "code_version": CODE_VERSION,
        "preprocessing_version": PREPROCESSING_VERSION,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    return weights, json.dumps(full, indent=1, sort_keys=True).encode()


def unpack_checkpoint(weights: bytes, document: bytes) -> Checkpoint:
    """Check and read a checkpoint; raises CheckpointError."""
    described = _described(document)
    for key, ours in (("format", CHECKPOINT_FORMAT), ("preprocessing_version", PREPROCESSING_VERSION)):
        if described.get(key) != ours:
            raise CheckpointError(
                f"The checkpoint has {key} {described.get(key)!r}, this program has {ours!r}: use a checkpoint "
                "made by this version, or train again."
            )
    if hashlib.sha256(weights).hexdigest() != described.get("sha256"):
        raise CheckpointError("The checkpoint's weights do not match its sha256: truncated or altered.")
    try:
        return Checkpoint(load_safetensors(weights), described)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError("The checkpoint's weights are no safetensors file.") from error


def save_checkpoint(path: Path, tensors: Mapping[str, NumberArray], document: Mapping[str, Any]) -> CheckpointFiles:
    """Write ``path`` (.safetensors) and the JSON beside it, each by one rename."""
    weights, described = pack_checkpoint(tensors, document)
    files = _paths(path)
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for target, content in zip(files, (weights, described), strict=True):
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(content)
        os.replace(partial, target)
    return CheckpointFiles(*files, hashlib.sha256(weights).hexdigest())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint from files; raises CheckpointError for missing or unfit ones."""
    try:
        weights, document = (part.read_bytes() for part in _paths(path))
    except OSError as error:
        raise CheckpointError(f"The checkpoint {Path(path).name} or the JSON beside it can't be read.") from error
    return unpack_checkpoint(weights, document)


def name_of_features(network: Mapping[str, NumberArray], document: Mapping[str, Any]) -> str:
    """Return the name of an encoder's features: a hash of its weights, as they are stored, and of the preprocessing.

    network: without prefixes. document: the checkpoint's; raises KeyError where it lacks the versions or the
    configuration. The same for all models that were fine-tuned on an encoder, so that cached features stay valid.
    """
    digest = hashlib.sha256(str(document["preprocessing_version"]).encode())
    for setting in SEEN_OTHERWISE:
        digest.update(setting.encode() if document["config"].get(setting) else b"")
    for name in sorted(network):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(network[name]).tobytes())
    return digest.hexdigest()


def _paths(path: Path) -> tuple[Path, Path]:
    weights = path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")
    return weights, weights.with_suffix(".json")


def _described(document: bytes) -> dict[str, Any]:
    try:
        described = json.loads(document)
    except ValueError as error:
        raise CheckpointError("The checkpoint's JSON can't be read.") from error
    if not isinstance(described, dict):
        raise CheckpointError("The checkpoint's JSON is no object.")
    return described
