"""Checkpoints and cached features in the object store. Nothing here is ever changed once written."""

from __future__ import annotations

import hashlib
import uuid

from annotations.services.objects import get_object, put_object
from inference.mediqa.types import Features


def store_checkpoint(*, weights: bytes, document: bytes) -> tuple[str, str]:
    """Storage names of the weights and of their JSON document; the same content twice is stored once."""
    weights_name = f"checkpoints/{hashlib.sha256(weights).hexdigest()}.safetensors"
    names = weights_name, document_name(weights_name, document)
    put_object(name=names[0], content=weights)
    put_object(name=names[1], content=document)
    return names


def document_name(weights_name: str, document: bytes) -> str:
    """Where the JSON document beside some weights lies; its name tells its content."""
    return f"{weights_name.removesuffix('.safetensors')}-{hashlib.sha256(document).hexdigest()[:16]}.json"


def store_features(features: Features, *, features_version: str) -> str:
    """A new storage name each time: a writer that dies half-way leaves nothing that is taken for whole."""
    name = f"features/{features_version[:16]}/{uuid.uuid4().hex}.safetensors"
    put_object(name=name, content=features.to_bytes())
    return name


def read(name: str) -> bytes:
    """The content under a storage name; raises FileNotFoundError."""
    return get_object(name)
