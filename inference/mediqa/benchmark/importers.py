"""From the layouts in which sets are published to the rows of a SET.csv. The images stay where they are.

Every importer takes the set's folder and returns rows with paths relative to it; it raises BadSet where the folder
is laid out otherwise. ``report`` hears what was left out. Licences of the sets forbid some uses: read them.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from inference.mediqa.benchmark.bids import Volumes
from inference.mediqa.benchmark.comma_separated import Line, read_table
from inference.mediqa.benchmark.errors import BadSet
from inference.mediqa.benchmark.folders import COLUMNS, ImagesOfFolder, file_named, only_table
from inference.mediqa.benchmark.sets import TEST, TRAIN, CsvSet, row_of
from inference.mediqa.reporting import Report, unheard
from inference.mediqa.types import Scale

SetRow = dict[str, str]
MISSING = {"", "n/a", "na", "nan", "null", "none"}  # in lower case: there is no score
NAMES = ("path", "image", "image_name", "name", "filename")
SCORES = ("score", "mos", "rating", "quality")
SUBJECTS = ("subject_id", "participant_id")
SHOWN = 5  # names of what was left out
SHOWN_CHARACTERS = 60


class Importer(Protocol):
    def __call__(self, folder: Path, report: Report = ...) -> list[SetRow]: ...


def ldctiqac2023(folder: Path, report: Report = unheard) -> list[SetRow]:
    """LDCTIQAC 2023 (Lee et al., Medical Image Analysis 99:103343, 2025): train.json {"0000.tif": score}.

    The images (``image/`` or beside the file) are CT on 0..1 for -1000..400 HU; scores are means of radiologists, 0..4.
    The set names no patients, so each image is its own group: slices of one patient may lie on both sides.
    """
    scores = _json_table(file_named(folder, "train.json"))
    images = ImagesOfFolder(folder)
    return [
        _row(images, name, _json_number(name, score), group=Path(name).stem, modality="CT", region="abdomen")
        for name, score in sorted(scores.items())
    ]


def eyeq(folder: Path, report: Report = unheard) -> list[SetRow]:
    """EyeQ (Fu et al., MICCAI 2019): Label_EyeQ_train.csv and _test.csv with image, quality 0 good .. 2 reject.

    The score is turned round, 2 good .. 0 reject. A patient's two eyes (10_left.jpeg, 10_right.jpeg) are one group.
    """
    images, rows = ImagesOfFolder(folder), []
    for split in (TRAIN, TEST):
        for line in read_table(file_named(folder, f"Label_EyeQ_{split}.csv"), "image", "quality").lines:
            name, quality = _named(line, ("image",)), _number(line, "quality")
            group = Path(name).name.split("_")[0]
            rows.append(_row(images, name, 2 - quality, group=group, modality="OP", region="eye", split=split))
    return rows


def koniq(folder: Path, report: Report = unheard) -> list[SetRow]:
    """KonIQ-10k and what is laid out like it: a CSV with image_name, MOS and optional set (training, test ...).

    Photographs have no groups. Images for validation count as training.
    """
    table = read_table(only_table(folder), "image_name", "mos")
    images, rows = ImagesOfFolder(folder), []
    for line in table.lines:
        name, word = _named(line, ("image_name",)), line.words.get("set", "").lower()
        split = "" if not word else TEST if word == TEST else TRAIN
        rows.append(_row(images, name, _number(line, "mos"), group=name, split=split))
    return rows


def mriqc(folder: Path, report: Report = unheard) -> list[SetRow]:
    """MRIQC's ratings (Esteban et al., PLOS ONE 12:e0184661, 2017): a CSV with subject_id or participant_id and
    rating, or rater_1, rater_2 ..., beside a BIDS tree with anat/*T1w.nii.gz.

    The score is the mean of the raters who gave one (there: -1 exclude, 0 doubtful, 1 accept). Files are found by the
    subject's number in their name; the group is the column ``site``, else the site's folder, else the subject.
    """
    table = read_table(only_table(folder))
    raters = [name for name in table.columns if name == "rating" or name.startswith("rater_")]
    if not raters or not set(SUBJECTS) & set(table.columns):
        raise BadSet(f"{table.file} needs {' or '.join(SUBJECTS)}, and rating or rater_1 ... {table.found}")
    volumes, rows, unrated, unseen = Volumes(folder), [], [], []
    for line in table.lines:
        subject, site = _named(line, SUBJECTS), line.words.get("site", "")
        ratings = [_number(line, name) for name in raters if not _is_missing(line, name)]
        if not ratings:
            unrated.append(subject)
        elif (volume := volumes.of_subject(subject, site)) is None:
            unseen.append(subject)
        else:
            mean, group = sum(ratings) / len(ratings), site or volume.site or subject
            rows.append(_filled(volume.place, mean, group=group, modality="MR", region="head"))
    _say_left_out(report, "there is no score", unrated)
    _say_left_out(report, "no image was found", unseen)
    return rows


def generic(folder: Path, report: Report = unheard) -> list[SetRow]:
    """Images and a scores.csv with path, image, name or filename and score, mos or rating; other columns are kept."""
    table = read_table(file_named(folder, "scores.csv"))
    scored = next((name for name in SCORES if name in table.columns), None)
    if scored is None or not set(NAMES) & set(table.columns):
        raise BadSet(f"{table.file} needs one of {', '.join(NAMES)}, and one of {', '.join(SCORES)}. {table.found}")
    images, rows, unrated = ImagesOfFolder(folder), [], []
    for line in table.lines:
        name = _named(line, NAMES)
        if _is_missing(line, scored):
            unrated.append(name)
            continue
        kept = {key: line.words[key] for key in COLUMNS[2:] if line.words.get(key)}
        rows.append(_row(images, name, _number(line, scored), **kept))
    _say_left_out(report, "there is no score", unrated)
    return rows


IMPORTERS: Mapping[str, Importer] = {
    "ldctiqac2023": ldctiqac2023, "eyeq": eyeq, "koniq": koniq, "mriqc": mriqc, "generic": generic,
}  # fmt: skip


# What scores of a layout can be; of the others it is what they span.
SCALES: Mapping[str, Scale] = {"ldctiqac2023": Scale(0, 4), "eyeq": Scale(0, 2)}


def imported_set(layout: str, folder: Path, scale: Scale | None = None, report: Report = unheard) -> CsvSet:
    """Return a published set from its folder, in which nothing is written; a scale that is given wins over SCALES.

    Raises BadSet as the importer does, and for what `CsvSet` refuses.
    """
    scale = scale or SCALES.get(layout)
    rows = [row_of(words, words["path"], scale) for words in _some(IMPORTERS[layout](folder, report))]
    return CsvSet.of_rows(folder, rows, layout, scale)


def write_set(rows: Iterable[SetRow], path: Path) -> int:
    """Write SET.csv; return the number of rows. Raises BadSet where there is none."""
    kept = _some(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(kept)
    return len(kept)


def _some(rows: Iterable[SetRow]) -> list[SetRow]:
    kept = list(rows)
    if not kept:
        raise BadSet("No score belongs to an image of the folder.")
    return kept


def _filled(path: str, score: float, **known: str) -> SetRow:
    """The score with as many digits as it has."""
    return dict.fromkeys(COLUMNS, "") | {"path": path, "score": repr(score).removesuffix(".0")} | known


def _row(images: ImagesOfFolder, name: str, score: float, **known: str) -> SetRow:
    return _filled(images.place_of(name), score, **known)


def _json_table(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise BadSet(f"{path.name}, line {error.lineno}: this is no JSON ({error.msg}).") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadSet(f"{path.name} is no JSON.") from error
    if not isinstance(document, dict):
        raise BadSet(f"{path.name} is no table of image and score.")
    return document


def _json_number(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number:
        raise BadSet(f"train.json: the score of {name} is no number: {json.dumps(value)[:SHOWN_CHARACTERS]}")
    return float(value)


def _named(line: Line, columns: Sequence[str]) -> str:
    name = next((line.words[key] for key in columns if line.words.get(key)), None)
    if name is None:
        raise BadSet(f"{line.place} lacks one of {', '.join(columns)}.")
    return name


def _is_missing(line: Line, column: str) -> bool:
    return line.words[column].lower() in MISSING


def _number(line: Line, column: str) -> float:
    text = line.words[column]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadSet(f"{line.place}: {column} is no number: {text!r}")
    return number


def _say_left_out(report: Report, reason: str, names: Sequence[str]) -> None:
    if names:
        more = " ..." if len(names) > SHOWN else ""
        report(f"rows left out since {reason}: {len(names)} ({', '.join(names[:SHOWN])}{more})")
