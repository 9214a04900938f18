"""Objects in storage, named after their content: what is there need not be written again."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from django.core.files.base import ContentFile, File
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


class ObjectMissing(FileNotFoundError):
    """A row names an object that the storage has lost."""


class ObjectDamaged(ValueError):
    """An object is not what was put there under its name."""


def get_object(name: str) -> bytes:
    """Raises ObjectMissing where there is none, and the storage's own OSError where it is unwell."""
    with open_object(name) as stream:
        return bytes(stream.read())


def open_object(name: str) -> File[bytes]:
    """An object to be read bit by bit; raises as ``get_object``."""
    try:
        return cast(File[bytes], default_storage.open(name, "rb"))
    except FileNotFoundError as error:
        raise ObjectMissing(f"{name} is not in storage.") from error


def _stored_length(name: str) -> int | None:
    with suppress(FileNotFoundError):
        return default_storage.size(name)
    return None
