"""Every file that some paths or an upload lead to: folders, single files, zip archives.

Nothing is unpacked to disk and no name from an archive is ever used as a path. One bad member never stops the rest.
"""

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from annotations.dicom.directory import is_directory_file, referenced_files
from annotations.dicom.parsing import MAXIMUM_FILE_BYTES
from annotations.dicom.refusals import RefusalReason, RefusedFile, Sentence

_SYSTEM_NAMES = frozenset(["thumbs.db", "desktop.ini", "__macosx"])
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error,
    OverflowError,
)  # fmt: skip
_RATIO_FLOOR_BYTES = 2**20  # below this a high ratio harms nobody: blank images compress well


@dataclass(frozen=True)
class ArchiveLimits:
    """What one archive may unfold to before it is refused."""

    maximum_members: int = 100_000
    maximum_total_bytes: int = 64 * 2**30
    maximum_member_bytes: int = MAXIMUM_FILE_BYTES
    maximum_ratio: int = 300


@dataclass(frozen=True)
class SourceFile:
    """One file to read. `name` is relative, with "/"; for a member of an archive it starts with the archive's name."""

    name: str
    size: int
    read_content: Callable[[], bytes] = field(repr=False, compare=False)

    def read(self) -> bytes:
        """The whole content. Raises RefusedFile where it cannot be read."""
        return self.read_content()


@dataclass(frozen=True)
class SourceRefusal:
    """A path or a member that is not read, with the reason as a sentence."""

    name: str
    reason: RefusalReason
    detail: str


Source = SourceFile | SourceRefusal


class StorageFailed(OSError):
    """The place that an upload waits in could not be read. That is no fault of the upload."""


class _Upload(io.RawIOBase):
    """A seekable file object whose failures are told from the damage of what it holds."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        with _failures():
            return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with _failures():
            return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


@contextmanager
def _failures() -> Iterator[None]:
    """An invalid place to seek to comes from the archive's own directory; anything else from the storage."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise
        raise StorageFailed(error.errno, error.strerror) from error


def walk_sources(paths: Iterable[Path | str], limits: ArchiveLimits | None = None) -> Iterator[Source]:
    """All files under `paths`, sorted within each; hidden files and those of the system are passed over.

    Never raises for what it finds; a path that is not there is a SourceRefusal. Links that lead to folders are not
    followed. Read a SourceFile before asking for the next one.
    """
    for path in paths:
        yield from _walk_path(Path(path), limits or ArchiveLimits())


def walk_upload(name: str, content: BinaryIO, limits: ArchiveLimits | None = None) -> Iterator[Source]:
    """The files of one upload, a seekable file object: itself, or its members when it is a zip archive.

    Raises StorageFailed, here and from `SourceFile.read`, where the file object cannot be read.
    """
    if is_hidden(name):
        return
    upload = cast(BinaryIO, _Upload(content))
    upload.seek(0, os.SEEK_END)
    size = upload.tell()
    upload.seek(0)
    if upload.read(4) in _ZIP_STARTS:
        yield from _walk_zip(name, upload, limits or ArchiveLimits(), depth=0)
        return
    yield _checked(name, size, lambda: _read_stream(upload))


def is_hidden(name: str) -> bool:
    """True for names that people do not mean: a part starts with a dot, or the system made it."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any((part.startswith(".") and part not in (".", "..")) or part.lower() in _SYSTEM_NAMES for part in parts)


def _walk_path(path: Path, limits: ArchiveLimits) -> Iterator[Source]:
    if path.is_dir():
        for file in _files_below(path):
            yield from _open_file(file, file.relative_to(path).as_posix(), limits)
    elif path.exists():
        yield from _walk_directory(path, limits) if _is_directory(path) else _open_file(path, path.name, limits)
    else:
        yield SourceRefusal(path.name or str(path), RefusalReason.UNREADABLE, "There is no such file or folder.")


def _is_directory(path: Path) -> bool:
    try:
        return path.is_file() and is_directory_file(path)
    except OSError:
        return False


def _walk_directory(directory: Path, limits: ArchiveLimits) -> Iterator[Source]:
    """The files that a DICOMDIR lists; one that is not there is a SourceRefusal."""
    try:
        listed = list(referenced_files(directory))
    except (OSError, ValueError):
        yield SourceRefusal(directory.name, RefusalReason.CORRUPT, "The DICOMDIR is damaged; give its folder instead.")
        return
    if not listed:
        yield SourceRefusal(directory.name, RefusalReason.UNREADABLE, "The DICOMDIR lists no file.")
    for name, path in listed:
        if path.is_file():
            yield from _open_file(path, name, limits)
        else:
            yield SourceRefusal(name, RefusalReason.UNREADABLE, "The DICOMDIR lists this file, but it is not there.")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            if not is_hidden(name):
                yield Path(parent) / name


def _open_file(path: Path, name: str, limits: ArchiveLimits) -> Iterator[Source]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            yield SourceRefusal(name, RefusalReason.UNREADABLE, "This is not a regular file.")
            return
        with path.open("rb") as stream:
            if stream.read(4) in _ZIP_STARTS:
                yield from _walk_zip(name, stream, limits, depth=0)
                return
    except OSError as error:
        yield _unreadable(name, error)
        return
    yield _checked(name, status.st_size, lambda: _read_path(path))


def _checked(name: str, size: int, read_content: Callable[[], bytes]) -> Source:
    if size > MAXIMUM_FILE_BYTES:
        detail = Sentence("The file is larger than %(gib)s GiB.", gib=MAXIMUM_FILE_BYTES // 2**30)
        return SourceRefusal(name, RefusalReason.TOO_LARGE, detail)
    return SourceFile(name, size, read_content)


def _unreadable(name: str, error: OSError) -> SourceRefusal:
    return SourceRefusal(name, RefusalReason.UNREADABLE, _problem(error))


def _problem(error: OSError) -> Sentence:
    return Sentence("The file cannot be read: %(problem)s.", problem=error.strerror or "I/O error")


def _read_path(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedFile(RefusalReason.UNREADABLE, _problem(error)) from error


def _read_stream(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()


def _walk_zip(name: str, stream: BinaryIO, limits: ArchiveLimits, *, depth: int) -> Iterator[Source]:
    try:
        archive = zipfile.ZipFile(stream)
    except StorageFailed:
        raise
    except _DAMAGE:
        yield SourceRefusal(name, RefusalReason.CORRUPT, "The zip archive is damaged or cut off.")
        return
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not is_hidden(one.filename)]
        if len(members) > limits.maximum_members:
            counts = {"count": len(members), "most": limits.maximum_members}
            yield _bomb(name, Sentence("The archive holds %(count)s files; at most %(most)s are taken.", **counts))
            return
        if sum(one.file_size for one in members) > limits.maximum_total_bytes:
            yield _bomb(name, Sentence("The archive unfolds to more than is taken from one archive."))
            return
        for member in sorted(members, key=lambda one: one.filename):
            yield from _walk_member(archive, member, name, limits, depth)


def _bomb(name: str, detail: str) -> SourceRefusal:
    return SourceRefusal(name, RefusalReason.ARCHIVE_BOMB, detail)


def _walk_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, archive_name: str, limits: ArchiveLimits, depth: int
) -> Iterator[Source]:
    refusal = _refuse_member(member, archive_name, limits)
    if refusal is not None:
        yield refusal
        return
    name = f"{archive_name}/{member.filename}"
    try:
        is_archive = _starts_like_zip(archive, member)
        if not is_archive:
            yield SourceFile(name, member.file_size, lambda: _read_member(archive, member))
        elif depth > 0:
            yield SourceRefusal(
                name, RefusalReason.NESTED_ARCHIVE, "Archives within archives within archives are not opened."
            )
        else:
            yield from _walk_zip(name, io.BytesIO(_read_member(archive, member)), limits, depth=depth + 1)
    except RefusedFile as refused:
        yield SourceRefusal(name, refused.reason, refused.detail)


def _refuse_member(member: zipfile.ZipInfo, archive_name: str, limits: ArchiveLimits) -> SourceRefusal | None:
    if _is_unsafe(member.filename):
        detail = Sentence("A name in the archive points outside of it; the file is not read.")
        return SourceRefusal(f"{archive_name}/(unsafe name)", RefusalReason.UNSAFE_NAME, detail)
    name = f"{archive_name}/{member.filename}"
    if member.flag_bits & 0x1:
        return SourceRefusal(name, RefusalReason.ENCRYPTED, "The file is encrypted; unpack the archive first.")
    if stat.S_ISLNK(member.external_attr >> 16):
        return SourceRefusal(name, RefusalReason.UNSAFE_NAME, "Links in archives are not followed.")
    if member.file_size > limits.maximum_member_bytes:
        return SourceRefusal(name, RefusalReason.TOO_LARGE, "The file is larger than is taken.")
    is_dense = member.file_size > limits.maximum_ratio * max(member.compress_size, 1)
    if member.file_size > _RATIO_FLOOR_BYTES and is_dense:
        detail = Sentence(
            "The file unfolds to more than %(ratio)s times its size in the archive.", ratio=limits.maximum_ratio
        )
        return _bomb(name, detail)
    return None


def _is_unsafe(filename: str) -> bool:
    plain = filename.replace("\\", "/")
    return plain.startswith("/") or ".." in plain.split("/") or "\0" in plain or plain[1:2] == ":"


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except StorageFailed:
        raise
    except _DAMAGE as error:
        raise RefusedFile(RefusalReason.CORRUPT, "The file is damaged within the archive.") from error


def _starts_like_zip(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with _reading(), archive.open(member) as stream:
        return stream.read(4) in _ZIP_STARTS


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's content; never more than the directory declared, which is what was checked."""
    with _reading(), archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
        if len(content) > member.file_size:
            raise RefusedFile(RefusalReason.ARCHIVE_BOMB, "The file is larger than the archive declares.")
        stream.read(1)  # checks the sum at the end
        return content
