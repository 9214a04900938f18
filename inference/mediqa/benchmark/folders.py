"""Finds what a published set's table names: its images, and the table itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from inference.mediqa.benchmark.errors import BadSet
from inference.mediqa.reading import NIFTIS

SUFFIXES = (*NIFTIS[::-1], ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")  # .nii.gz before .nii
COLUMNS = ("path", "score", "group", "modality", "region", "split")  # of SET.csv
SET_NAME = "SET.csv"
SHOWN = 4  # files named in a message


class ImagesOfFolder:
    """Images by what a table calls them. No image is given for two names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._name_of: dict[str, str] = {}
        for place in image_places(folder):
            for table, key in ((self._by_path, place), (self._by_name, PurePosixPath(place).name)):
                for one in {key, without_suffix(key)}:
                    table[one].append(place)

    def place_of(self, name: str) -> str:
        """Return the image's path relative to the folder: by its path, else by its file's name.

        A name that no file has stays as it is: the benchmark lists it with its reason. Raises BadSet for one that
        several files have, and for a second name of one file.
        """
        place = self._found(name.replace("\\", "/"))
        if place is None:
            return name
        other = self._name_of.setdefault(place, name)
        if other != name:
            raise BadSet(f"{other} and {name} would both be {place}: name images by their paths in the folder.")
        return place

    def _found(self, name: str) -> str | None:
        place = str(PurePosixPath(name))
        if (self._folder / place).exists():
            return place
        base = PurePosixPath(place).name
        for table, key in (
            (self._by_path, place),
            (self._by_path, without_suffix(place)),
            (self._by_name, base),
            (self._by_name, without_suffix(base)),
        ):
            if key in table:
                return _the_one(name, table[key])
        return None


def _the_one(name: str, places: Sequence[str]) -> str:
    if len(places) > 1:
        more = " ..." if len(places) > SHOWN else ""
        raise BadSet(
            f"{name} is the name of {len(places)} images: {', '.join(places[:SHOWN])}{more}. "
            "Name images by their paths in the folder."
        )
    return places[0]


def image_places(folder: Path) -> list[str]:
    """Return the paths of all images, relative to the folder, by their suffixes."""
    found = sorted(path for path in folder.rglob("*") if path.name.lower().endswith(SUFFIXES))
    return [path.relative_to(folder).as_posix() for path in found]


def without_suffix(name: str) -> str:
    """Return a name or path without the suffix of an image; dots that are no suffix stay."""
    suffix = next((one for one in SUFFIXES if name.lower().endswith(one)), "")
    return name[: len(name) - len(suffix)]


def file_named(folder: Path, name: str) -> Path:
    """Return the file in the folder or, where it has none, the first below it; raises BadSet."""
    place = folder / name
    if place.is_file():
        return place
    found = sorted(folder.rglob(name))
    if not found:
        raise BadSet(f"The folder holds no {name}.")
    return found[0]


def only_table(folder: Path) -> Path:
    """Return the only CSV in the folder or, where it has none, below it, but what ``import-set`` wrote."""
    pattern = "*.csv"
    found = _not_ours(folder.glob(pattern)) or _not_ours(folder.rglob(pattern))
    if len(found) != 1:
        names = ": " + ", ".join(path.name for path in found[:SHOWN]) if found else ""
        raise BadSet(f"The folder holds {len(found)} files {pattern}{names}; one was expected.")
    return found[0]


def _not_ours(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.is_file() and not _is_ours(path))


def _is_ours(path: Path) -> bool:
    """By its name, or by its first line where ``--output`` gave it another."""
    if path.name == SET_NAME:
        return True
    with path.open("rb") as file:
        return file.readline().strip() == ",".join(COLUMNS).encode()
