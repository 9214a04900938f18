"""What is benchmarked: images with scores, from a SET.csv or simulated, and how they are split.

SET.csv has ``path,score`` and, where known, ``group,modality,region,split``; paths are relative to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inference.mediqa.benchmark.comma_separated import read_table
from inference.mediqa.benchmark.errors import BadSet
from inference.mediqa.errors import MediqaError, UnscorableImage
from inference.mediqa.heads.regression import grouped_folds
from inference.mediqa.preprocessing import checked_pixels
from inference.mediqa.prompt import vocabulary_word
from inference.mediqa.reading import Refused, read_path
from inference.mediqa.types import ImageArray, IndexArray, Scale

TRAIN, TEST = "train", "test"
Names = npt.NDArray[np.str_]
Mask = npt.NDArray[np.bool_]
REQUIRED = ("path", "score")
FACTORS = ("modality", "region")
ADVICE = "Add a column group to SET.csv that names each image's patient (of a simulated set: more SOURCES)."


@dataclass(frozen=True)
class Sample:
    """One image with its score. group: never split; split: ``train``, ``test`` or "" where there are folds.

    quality: of a simulated image, what the pseudo-readers saw before bias and noise. severities: its true ones.
    """

    name: str
    image: ImageArray
    score: float
    group: str
    split: str = ""
    quality: float | None = None
    severities: Mapping[str, float] | None = None


class BenchmarkSet(Protocol):
    """Yields its images one by one, so that a large set needs little memory; always in the same order."""

    @property
    def name(self) -> str: ...

    @property
    def scale(self) -> Scale: ...

    def __iter__(self) -> Iterator[Sample | Refused]: ...


@dataclass(frozen=True)
class Row:
    """A line of SET.csv."""

    path: str
    score: float
    group: str = ""
    split: str = ""
    factors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CsvSet:
    """The images of a SET.csv, or of its rows from elsewhere. The scale is what the scores span unless one is given."""

    folder: Path
    rows: tuple[Row, ...]
    name: str
    scale: Scale

    @classmethod
    def read(cls, path: Path, scale: Scale | None = None) -> CsvSet:
        """Read a SET.csv, but no image.

        Raises BadSet for what is no table, for missing columns, words or numbers, and for a score outside a given
        scale; FileNotFoundError.
        """
        lines = read_table(path, *REQUIRED).lines
        rows = [row_of(line.words, f"Line {line.number}", scale) for line in lines]
        return cls.of_rows(path.parent, rows, path.stem, scale)

    @classmethod
    def of_rows(cls, folder: Path, rows: Sequence[Row], name: str, scale: Scale | None = None) -> CsvSet:
        """Return the set; raises BadSet where all scores are the same."""
        scores = [row.score for row in rows]
        if len(set(scores)) < 2:
            raise BadSet("The set needs at least two different scores.")
        return cls(folder, tuple(rows), name, scale or Scale(min(scores), max(scores)))

    def __iter__(self) -> Iterator[Sample | Refused]:
        is_one_folder = len({Path(row.path).parent for row in self.rows}) == 1
        for row in self.rows:
            try:
                read = read_path(self.folder / row.path, override=dict(row.factors))
                checked_pixels(read.image.pixels)
            except UnscorableImage as error:
                yield Refused(row.path, error.detail)
            except (MediqaError, ValueError) as error:
                yield Refused(row.path, str(error))
            else:
                group = row.group or read.patient or _group_of_path(row.path, is_one_folder=is_one_folder)
                yield Sample(row.path, read.image, row.score, group, row.split)


def row_of(words: Mapping[str, str], place: str, scale: Scale | None = None) -> Row:
    """Return the row that words by the columns of SET.csv stand for; raises BadSet that begins with the place."""
    if not words["path"]:
        raise BadSet(f"{place}: there is no path.")
    split = words.get("split", "").lower()
    if split not in {"", TRAIN, TEST}:
        raise BadSet(f"{place}: split is {TRAIN}, {TEST} or empty, not {split!r}.")
    factors = {name: _factor_word(name, words[name], place) for name in FACTORS if words.get(name)}
    return Row(words["path"], _score(words["score"], place, scale), words.get("group", ""), split, factors)


def _score(text: str, place: str, scale: Scale | None) -> float:
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not np.isfinite(score):
        raise BadSet(f"{place}: {text!r} is no score.")
    if scale is not None and not scale.minimum <= score <= scale.maximum:
        raise BadSet(f"{place}: {text} lies outside the scale {scale.minimum:g} to {scale.maximum:g}.")
    return score


def _factor_word(factor: str, text: str, place: str) -> str:
    try:
        return vocabulary_word(factor, text)
    except ValueError as error:
        raise BadSet(f"{place}: {error}") from error


def _group_of_path(path: str, *, is_one_folder: bool) -> str:
    """Without a patient: the file's folder, or its own name up to the first separator where all lie in one."""
    place = Path(path)
    if len(place.parts) > 1 and not is_one_folder:
        return str(place.parent)
    return place.stem.replace("-", "_").split("_")[0] or place.stem


@dataclass(frozen=True)
class Split:
    """Rows of the images that are learnt from and of those that are judged."""

    train: IndexArray
    test: IndexArray


def make_splits(
    groups: Sequence[str], split: Sequence[str], *, folds: int, seed: int, labels: int | None = None
) -> list[Split]:
    """Return up to ``folds`` splits; no group is on both sides of any.

    Where the set names its test images there is one split. Otherwise the groups are dealt to folds, images that are
    said to be ``train`` are never judged, and the rest of a fold's training side is cut to ``labels`` at random.
    Raises BadSet where a group would be split, or where there is nothing to hold out.
    """
    owners, words = np.asarray(groups), np.asarray(split)
    if (words == TEST).any():
        return [_given(owners, words == TEST, seed, labels)]
    is_judged = ~np.isin(owners, np.unique(owners[words == TRAIN]))
    if len(set(owners[is_judged])) < 1 or len(set(groups)) < 2:
        raise BadSet(f"There is no group to hold out: all images belong to one, or to training. {ADVICE}")
    numbers = np.full(len(owners), -1)
    numbers[is_judged] = grouped_folds(owners[is_judged], folds, np.random.default_rng(seed))
    return [
        Split(_drawn(numbers != fold, seed + int(fold), labels), np.flatnonzero(numbers == fold))
        for fold in np.unique(numbers[is_judged])
    ]


def _given(owners: Names, is_test: Mask, seed: int, labels: int | None) -> Split:
    shared = set(owners[is_test]) & set(owners[~is_test])
    if shared:
        raise BadSet(f"{len(shared)} groups are in train and in test, {str(min(shared))!r} among them.")
    if is_test.all():
        raise BadSet("All images are for the test: there is nothing to learn from.")
    return Split(_drawn(~is_test, seed, labels), np.flatnonzero(is_test))


def _drawn(allowed: Mask, seed: int, labels: int | None) -> IndexArray:
    """Return the allowed rows, or ``labels`` of them drawn at random."""
    rows = np.flatnonzero(allowed)
    if labels is None or labels >= len(rows):
        return rows
    return np.sort(np.random.default_rng((seed, 11)).choice(rows, size=labels, replace=False))
