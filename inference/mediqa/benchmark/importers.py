"""From the layouts in which sets are published to a SET.csv. The images stay where they are.

Every importer takes the set's folder and returns rows with paths relative to it; it raises BadSet where the folder
is laid out otherwise. Licences of the sets forbid some uses: read them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from inference.mediqa.benchmark.sets import TEST, TRAIN, BadSet
from inference.mediqa.reading import NIFTIS

SetRow = dict[str, str]
Importer = Callable[[Path], list[SetRow]]
COLUMNS = ("path", "score", "group", "modality", "region", "split")
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm"}


def ldctiqac2023(folder: Path) -> list[SetRow]:
    """LDCTIQAC 2023 (Lee et al., Medical Image Analysis 99:103343, 2025): train.json {"0000.tif": score}.

    The images (``image/`` or beside the file) are CT on 0..1 for -1000..400 HU; scores are means of radiologists, 0..4.
    The set names no patients, so each image is its own group: slices of one patient may lie on both sides.
    """
    scores = json.loads(_file(folder, "train.json").read_text())
    if not isinstance(scores, dict):
        raise BadSet("train.json is no table of image and score.")
    images = _by_name(folder)
    return [
        _row(images, name, float(score), group=Path(name).stem, modality="CT", region="abdomen")
        for name, score in sorted(scores.items())
    ]


def eyeq(folder: Path) -> list[SetRow]:
    """EyeQ (Fu et al., MICCAI 2019): Label_EyeQ_train.csv and _test.csv with image, quality 0 good .. 2 reject.

    The score is turned round, 2 good .. 0 reject. A patient's two eyes (10_left.jpeg, 10_right.jpeg) are one group.
    """
    images, rows = _by_name(folder), []
    for split in (TRAIN, TEST):
        for line in _lines(_file(folder, f"Label_EyeQ_{split}.csv"), "image", "quality"):
            name, quality = line["image"], float(line["quality"])
            rows.append(
                _row(images, name, 2 - quality, group=name.split("_")[0], modality="OP", region="eye", split=split)
            )
    return rows


def koniq(folder: Path) -> list[SetRow]:
    """KonIQ-10k and what is laid out like it: a CSV with image_name, MOS and optional set (training, test ...).

    Photographs have no groups. Images for validation count as training.
    """
    table = _only(folder, "*.csv")
    images, rows = _by_name(folder), []
    for line in _lines(table, "image_name", "MOS"):
        word = line.get("set", "")
        split = "" if not word else TEST if word == TEST else TRAIN
        rows.append(_row(images, line["image_name"], float(line["MOS"]), group=line["image_name"], split=split))
    return rows


def mriqc(folder: Path) -> list[SetRow]:
    """MRIQC's ratings (Esteban et al., PLOS ONE 12:e0184661, 2017): a CSV with subject_id or participant_id and
    rating, or rater_1, rater_2 ..., beside a BIDS tree with anat/*T1w.nii.gz.

    The score is the mean of the raters who gave one (there: -1 exclude, 0 doubtful, 1 accept). Files are found by the
    subject's number in their name; the site is the group where there is a column ``site``, else the subject.
    """
    lines = list(_lines(_only(folder, "*.csv")))
    volumes = [path for path in sorted(folder.rglob("*")) if path.name.lower().endswith(NIFTIS)]
    rows = []
    for line in lines:
        subject = (line.get("subject_id") or line.get("participant_id") or "").removeprefix("sub-")
        ratings = [_number(value) for key, value in line.items() if key == "rating" or key.startswith("rater_")]
        known = [value for value in ratings if np.isfinite(value)]
        own = [path for path in volumes if f"sub-{subject}" in path.name.replace(".", "_").split("_")]
        if not subject or not ratings:
            raise BadSet("The ratings need subject_id or participant_id, and rating or rater_1 ...")
        if known and own:
            path = str(own[0].relative_to(folder))
            group = line.get("site") or subject
            rows.append(_filled(path, float(np.mean(known)), group=group, modality="MR", region="head"))
    return _some(rows)


def generic(folder: Path) -> list[SetRow]:
    """Images and a scores.csv with path, image, name or filename and score, mos or rating; other columns are kept."""
    images, rows = _by_name(folder), []
    for line in _lines(_file(folder, "scores.csv")):
        lowered = {key.lower(): value for key, value in line.items()}
        name = _first(lowered, ("path", "image", "image_name", "name", "filename"))
        score = _number(_first(lowered, ("score", "mos", "rating", "quality")))
        kept = {key: lowered[key] for key in COLUMNS[2:] if lowered.get(key)}
        rows.append(_row(images, name, score, **kept))
    return rows


IMPORTERS: Mapping[str, Importer] = {
    "ldctiqac2023": ldctiqac2023, "eyeq": eyeq, "koniq": koniq, "mriqc": mriqc, "generic": generic,
}  # fmt: skip


def write_set(rows: Iterable[SetRow], path: Path) -> int:
    """Write SET.csv; return the number of rows."""
    kept = _some(list(rows))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(kept)
    return len(kept)


def _some(rows: list[SetRow]) -> list[SetRow]:
    if not rows:
        raise BadSet("No score belongs to an image of the folder.")
    return rows


def _filled(path: str, score: float, **known: str) -> SetRow:
    return dict.fromkeys(COLUMNS, "") | {"path": path, "score": f"{score:g}"} | known


def _row(images: Mapping[str, str], name: str, score: float, **known: str) -> SetRow:
    """A name that no file has stays as it is: the benchmark lists it with its reason."""
    return _filled(images.get(Path(name).name, images.get(Path(name).stem, name)), score, **known)


def _by_name(folder: Path) -> dict[str, str]:
    """Relative path of each image, by its name and by its stem."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES or path.name.lower().endswith(NIFTIS):
            place = str(path.relative_to(folder))
            found.setdefault(path.name, place)
            found.setdefault(path.stem, place)
    return found


def _file(folder: Path, name: str) -> Path:
    found = sorted(folder.rglob(name))
    if not found:
        raise BadSet(f"The folder holds no {name}.")
    return found[0]


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern)) or sorted(folder.rglob(pattern))
    if len(found) != 1:
        raise BadSet(f"The folder holds {len(found)} files {pattern}; one was expected.")
    return found[0]


def _lines(path: Path, *required: str) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        missing = [name for name in required if name not in (table.fieldnames or [])]
        if missing:
            raise BadSet(f"{path.name} lacks the column {', '.join(missing)}.")
        for line in table:
            yield {key: (value or "").strip() for key, value in line.items() if key}


def _first(line: Mapping[str, str], names: Iterable[str]) -> str:
    value = next((line[name] for name in names if line.get(name)), None)
    if value is None:
        raise BadSet(f"A line lacks one of {', '.join(names)}.")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
