"""Objects in a bucket (S3 and what speaks its language), behind the extra `s3`."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EIO

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3File, S3Storage


class ObjectBucket(S3Storage):  # type: ignore[misc]
    """django-storages' bucket, whose failures are OSErrors as those of a folder are.

    Services know what to do when a store is away: try again, and blame no file. They know no boto.
    """

    def size(self, name: str) -> int:
        with _as_os_errors():
            return int(super().size(name))

    def exists(self, name: str) -> bool:
        with _as_os_errors():
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        with _as_os_errors():
            super().delete(name)

    def _save(self, name: str, content: File[bytes]) -> str:
        with _as_os_errors():
            return str(super()._save(name, content))

    def _open(self, name: str, mode: str = "rb") -> S3File:
        with _as_os_errors():
            opened = super()._open(name, mode)
            if "r" in mode:
                opened.file  # noqa: B018 - fetched now: a failure later would come without a translation
            return opened


@contextmanager
def _as_os_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OSError(EIO, f"The object store does not answer as it should ({type(error).__name__}).") from error
