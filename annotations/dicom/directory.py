"""DICOMDIR: the index of a medium (PS3.10 clause 8, PS3.3 annex F). It holds no image; its files lie beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom import Dataset, dcmread

DIRECTORY_CLASS = b"1.2.840.10008.1.3.10"
_META_HEADER_BYTES = 2048


def is_directory_file(path: Path) -> bool:
    """Whether a file is a DICOMDIR, by what its meta header says. Raises OSError."""
    with path.open("rb") as stream:
        start = stream.read(_META_HEADER_BYTES)
    return start[128:132] == b"DICM" and DIRECTORY_CLASS in start


def referenced_files(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each file that a DICOMDIR lists, in its order, once.

    Names that lead out of the folder of the DICOMDIR are left out (PS3.10 8.5 allows none). Raises ValueError for
    an index that cannot be read.
    """
    try:
        records = dcmread(directory, specific_tags=["DirectoryRecordSequence"]).get("DirectoryRecordSequence") or []
    except OSError:
        raise
    except Exception as error:
        raise ValueError("The DICOMDIR is damaged.") from error
    folder, seen = directory.parent.resolve(), set()
    for record in records:
        name = _file_id(record)
        path = folder / name
        if name and name not in seen and path.resolve().is_relative_to(folder):
            seen.add(name)
            yield name, path


def _file_id(record: Dataset) -> str:
    parts = record.get("ReferencedFileID") or []
    return "/".join([parts] if isinstance(parts, str) else [str(part) for part in parts])
