"""Objects in storage, named after their content: what is there need not be written again."""

from __future__ import annotations

from contextlib import suppress

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def put_object(*, name: str, content: bytes) -> None:
    """Store the bytes under a name that was made from them. Storing twice equals storing once.

    An object of another length under the same name is what a crash left of it, and is replaced.

    Raises:
        OSError: the storage cannot take it (full, away).
    """
    if _stored_length(name) == len(content):
        return
    stored_as = default_storage.save(name, ContentFile(content))
    if stored_as != name:  # a storage that keeps what it has: take the remains away first
        default_storage.delete(stored_as)
        if _stored_length(name) != len(content):
            default_storage.delete(name)
            default_storage.save(name, ContentFile(content))


def get_object(name: str) -> bytes:
    """Raises FileNotFoundError (or the storage's own OSError) where there is none."""
    with default_storage.open(name, "rb") as stream:
        return bytes(stream.read())


def _stored_length(name: str) -> int | None:
    with suppress(FileNotFoundError):
        return default_storage.size(name)
    return None
