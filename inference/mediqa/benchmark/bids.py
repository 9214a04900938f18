"""T1-weighted volumes of a BIDS tree, by subject: what is sub-0050002_T1w.nii.gz there is 50002 in tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inference.mediqa.benchmark.errors import BadSet
from inference.mediqa.benchmark.folders import image_places
from inference.mediqa.reading import NIFTIS

DERIVATIVES = "derivatives"
PREFIX = "sub-"
SUBJECT = re.compile(r"(?:^|_)sub-([a-z0-9]+)", re.I)
T1W = tuple(f"_t1w{suffix}" for suffix in NIFTIS)


@dataclass(frozen=True)
class Volume:
    """place: relative to the tree; root: of the subject; site: the folder above it where subjects lie in several."""

    place: str
    root: PurePosixPath
    site: str = ""


class Volumes:
    """By the subject's number without leading zeros. Files that are derived from others are left out."""

    def __init__(self, folder: Path) -> None:
        self._of_number: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in map(PurePosixPath, image_places(folder)):
            if _is_original_volume(path):
                self._of_number[_label(path).lstrip("0")].append(path)
        roots = {_root(path) for paths in self._of_number.values() for path in paths}
        self._has_sites = len({root.parent for root in roots}) > 1

    def of_subject(self, subject: str, site: str = "") -> Volume | None:
        """Return the subject's first T1-weighted volume, without one the first of any kind, or None.

        site: of the table; says which subject is meant where several sites have one of this number. Raises BadSet
        where that is not told.
        """
        label = subject.removeprefix(PREFIX)
        paths = _at(site, self._of_number.get(label.lstrip("0"), []))
        paths = [path for path in paths if _label(path) == label] or paths
        if not paths:
            return None
        roots = sorted({_root(path) for path in paths})
        if len(roots) > 1:
            raise BadSet(f"Subject {subject} may be {' or '.join(str(root) for root in roots)}.")
        first = next((path for path in paths if path.name.lower().endswith(T1W)), paths[0])
        return Volume(str(first), roots[0], self._site(roots[0]))

    def _site(self, root: PurePosixPath) -> str:
        return str(root.parent) if self._has_sites and root.parent.name else ""


def _is_original_volume(path: PurePosixPath) -> bool:
    is_volume = bool(_label(path)) and path.name.lower().endswith(NIFTIS)
    return is_volume and DERIVATIVES not in path.as_posix().lower().split("/")


def _label(path: PurePosixPath) -> str:
    """The subject's in the file's name; "" where there is none."""
    found = SUBJECT.search(path.name)
    return found[1] if found else ""


def _root(path: PurePosixPath) -> PurePosixPath:
    """The subject's folder; of a file that lies in none, the one that it would have."""
    folder = next((one for one in path.parents if one.name.lower().startswith(PREFIX)), None)
    return folder or path.parent / f"{PREFIX}{_label(path)}"


def _at(site: str, paths: Sequence[PurePosixPath]) -> Sequence[PurePosixPath]:
    """Those in the site's folder; all where there is no such folder."""
    own = [path for path in paths if site.lower() in (part.lower() for part in path.parts[:-1])]
    return own or paths
