"""The pool of degraded copies that a training draws from: tiles on disk (memory-mapped) or in memory, and labels."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.physics import DEGRADATIONS, KINDS, kinds_for
from inference.mediqa.physics.headers import HEADER_PARAMETERS, header_targets
from inference.mediqa.preprocessing import (
    across,
    choose_corners,
    cut_tiles,
    is_stack,
    window_ranges,
    windowed,
    with_across,
)
from inference.mediqa.pretraining.augmentation import Content, Variant, made_of
from inference.mediqa.pretraining.processes import in_processes
from inference.mediqa.prompt import prompt_codes
from inference.mediqa.reporting import Report, unheard
from inference.mediqa.simulation.copies import (
    Copy,
    draw_ladders,
    fidelity_of,
    image_of,
    image_of_copy,
    made,
    overall_quality,
    subject_of,
)
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import FloatArray, HalfArray

RARE = 4  # how many times more copies a rare modality gets, at most; one that is half as frequent gets no more
HEADER_QUALITY = 0.85  # a copy that is worse no longer shows what its header says
LABELS = ("codes", "quality", "fidelity", "severities", "is_known", "headers", "image", "ladder", "kind", "is_variant")


@dataclass(frozen=True)
class Pool:
    """M degraded copies. Severities are masked where the modality does not know the kind."""

    tiles: Tensor  # float16 [M, T, V, S, S]; tile 0 is the whole view
    codes: Tensor  # int64 [M, factors]
    quality: Tensor  # float32 [M], 1 untouched, 0 hardly readable
    fidelity: Tensor  # float32 [M], visible structure that is kept
    severities: Tensor  # float32 [M, kinds]
    is_known: Tensor  # bool [M, kinds]
    headers: Tensor  # float32 [M, parameters], NaN where absent
    image: Tensor  # int64 [M], which slice the copy was made from
    ladder: Tensor  # int64 [M], -1 the untouched copy; else which ladder of the image
    kind: Tensor  # int64 [M], the kind that the ladder climbs, -1 none
    is_variant: Tensor  # bool [M], whether the slice was varied before the copy was made
    sources: tuple[str, ...]  # [M]
    modalities: tuple[str, ...]  # [M]

    def __len__(self) -> int:
        return len(self.quality)

    def to(self, device: torch.device) -> Pool:
        """Return the pool in a device's memory, where a step needs no transfer; itself where it is there already."""
        moved: dict[str, Any] = {name: value.to(device) for name, value in vars(self).items() if torch.is_tensor(value)}
        return replace(self, **moved)


@dataclass(frozen=True)
class _Job:
    """What every worker has to know."""

    slices: Sequence[Content]
    counts: dict[str, int]  # copies of a slice, by modality
    config: NetworkConfig
    crops: int
    seed: int
    headers: FloatArray

    @classmethod
    def of(cls, slices: Sequence[Content], copies: int, config: NetworkConfig, crops: int, seed: int) -> _Job:
        names = [item.prompt.modality for item in slices]
        headers = header_targets([item.parameters for item in slices], names, [item.vendor for item in slices])
        return cls(slices, copies_by_modality(names, copies), config, crops, seed, headers)

    @cached_property
    def starts(self) -> list[int]:
        """Where the copies of each slice begin, and where the last ones end: [slices + 1]."""
        return list(accumulate((self.counts[item.prompt.modality] for item in self.slices), initial=0))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all tiles."""
        return self.starts[-1], self.crops + 1, self.config.views, self.config.tile, self.config.tile

    def described(self) -> dict[str, Any]:
        """Return what a folder says of its pool beside tiles and labels."""
        owners = [item for item in self.slices for _ in range(self.counts[item.prompt.modality])]
        return {
            "fingerprint": _fingerprint(self),
            "sources": [item.source for item in owners],
            "modalities": [item.prompt.modality for item in owners],
        }


_shared: dict[str, Any] = {}


def build_pool(
    slices: Sequence[Content],
    copies: int,
    config: NetworkConfig,
    *,
    seed: int,
    crops: int,
    folder: Path | None = None,
    workers: int = 1,
    report: Report = unheard,
) -> Pool:
    """Degrade every slice ``copies`` times and cut the tiles; deterministic by seed, whatever the workers.

    Modalities with few slices get up to ``RARE`` times as many copies, so that none is forgotten. folder: where
    tiles are kept; one that holds the same pool already is used as it is. Workers are forked, and need a folder.
    """
    job = _Job.of(slices, copies, config, crops, seed)
    document = job.described()
    if folder is None:
        tiles = np.zeros(job.shape, dtype=np.float16)
        return _pool(tiles, _degraded(job, tiles, 1, report), document)
    if not _holds(folder, document):
        on_disk = _empty_tiles(folder, job.shape)
        _write(folder, on_disk, _degraded(job, on_disk, workers, report), document)
    return _load(folder)


def copies_by_modality(names: Sequence[str], copies: int) -> dict[str, int]:
    """Return how many copies of a slice are made."""
    most = max(names.count(name) for name in set(names))
    return {name: copies * min(RARE, max(1, most // (2 * names.count(name)))) for name in set(names)}


def _degraded(job: _Job, tiles: HalfArray, workers: int, report: Report) -> dict[str, Any]:
    """Return the labels of all copies; the tiles are written in place."""
    labels = []
    for index, part in enumerate(_parts(job, tiles, workers)):
        labels.append(part)
        if (index + 1) % 100 == 0:
            report(f"{index + 1} of {len(job.slices)} slices degraded")
    return {name: np.concatenate([part[name] for part in labels]) for name in LABELS}


def _parts(job: _Job, tiles: HalfArray, workers: int) -> Iterator[dict[str, Any]]:
    """Yield the labels of each slice in order; its tiles are written in place."""
    _shared.update(job=job, tiles=tiles)
    try:
        yield from in_processes(workers, _degrade_one, range(len(job.slices)))
    finally:
        _shared.clear()


def _degrade_one(index: int) -> dict[str, Any]:
    job: _Job = _shared["job"]
    item = made_of(job.slices[index])
    rng = np.random.default_rng((job.seed, index))
    subject = subject_of(item)
    names = kinds_for(subject)
    recipes = draw_ladders(names, job.counts[item.prompt.modality], rng)
    rows = []
    start = job.starts[index]
    corners: list[tuple[int, int]] = []
    for number, copy in enumerate(made(subject, recipes, rng)):
        if number % 3 == 1 or not corners:  # a ladder shows the same places
            corners = _corners(item, job, rng)
        _shared["tiles"][start + number] = _tiles(item, copy, corners, job.config)
        fidelity = fidelity_of(item, copy.pixels) if copy.severities else 1.0
        rows.append((copy.severities, fidelity))
    return _labels(item, index, rows, names, job)


def _labels(
    item: SourceSlice, index: int, rows: list[tuple[dict[str, float], float]], names: Sequence[str], job: _Job
) -> dict[str, Any]:
    count = len(rows)
    severities = np.array([[one.get(kind, 0.0) for kind in KINDS] for one, _ in rows], dtype=np.float32)
    fidelity = np.array([value for _, value in rows], dtype=np.float32)
    quality = np.array([overall_quality(list(one.values()), value) for one, value in rows], dtype=np.float32)
    headers = np.where(quality[:, None] >= HEADER_QUALITY, job.headers[index][None], np.nan).astype(np.float32)
    return {
        "is_variant": np.full(count, isinstance(job.slices[index], Variant)),
        "codes": np.tile(prompt_codes(item.prompt), (count, 1)).astype(np.int64),
        "quality": quality,
        "fidelity": fidelity,
        "severities": severities,
        "is_known": np.tile([kind.name in names for kind in DEGRADATIONS], (count, 1)),
        "headers": headers,
        "image": np.full(count, index, dtype=np.int64),
        "ladder": np.array([(number - 1) // 3 if number else -1 for number in range(count)], dtype=np.int64),
        "kind": np.array([KINDS.index(list(one)[-1]) if one else -1 for one, _ in rows], dtype=np.int64),
    }


def _corners(item: SourceSlice, job: _Job, rng: np.random.Generator) -> list[tuple[int, int]]:
    ranges = window_ranges(item.pixels[None], image_of(item, item.pixels), keeps_screen=job.config.keeps_screen)
    view = windowed(item.pixels, ranges, is_inverted=item.is_inverted)
    return choose_corners(view, job.crops, job.config.tile, rng)


def _tiles(item: SourceSlice, copy: Copy, corners: list[tuple[int, int]], config: NetworkConfig) -> HalfArray:
    image = image_of_copy(item, copy)
    ranges = window_ranges(copy.pixels[None], image, keeps_screen=config.keeps_screen)
    tiles = cut_tiles(windowed(copy.pixels, ranges, is_inverted=item.is_inverted), corners, config.tile)
    if config.looks_across:
        tiles = with_across(tiles, across(copy.stack, copy.place, ranges) if is_stack(image) else None, corners)
    return tiles.astype(np.float16)


def _holds(folder: Path, document: dict[str, Any]) -> bool:
    """Whether the folder holds the pool that is described."""
    path = folder / "pool.json"
    return path.is_file() and bool(json.loads(path.read_text())["fingerprint"] == document["fingerprint"])


def _empty_tiles(folder: Path, shape: tuple[int, ...]) -> HalfArray:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pool.json").unlink(missing_ok=True)
    return np.lib.format.open_memmap(folder / "tiles.npy", mode="w+", dtype=np.float16, shape=shape)


def _write(folder: Path, tiles: HalfArray, labels: dict[str, Any], document: dict[str, Any]) -> None:
    """Write what is not there yet; the document comes last, so that a folder with it is whole."""
    tiles.flush()  # type: ignore[attr-defined]
    save_file(labels, folder / "labels.safetensors")
    partial = folder / "pool.json.partial"
    partial.write_text(json.dumps(document))
    os.replace(partial, folder / "pool.json")


def _load(folder: Path) -> Pool:
    tiles = np.load(folder / "tiles.npy", mmap_mode="c")  # copy on write: torch wants memory that may be written
    return _pool(tiles, load_file(folder / "labels.safetensors"), json.loads((folder / "pool.json").read_text()))


def _pool(tiles: HalfArray, labels: dict[str, Any], document: dict[str, Any]) -> Pool:
    return Pool(
        tiles=torch.from_numpy(tiles),
        **{name: torch.from_numpy(labels[name]) for name in LABELS},
        sources=tuple(document["sources"]),
        modalities=tuple(document["modalities"]),
    )


def _fingerprint(job: _Job) -> str:
    digest = hashlib.sha256()
    described = [
        job.seed,
        job.crops,
        job.config.tile,
        job.config.views,
        job.config.keeps_screen,
        sorted(job.counts.items()),
        KINDS,
        HEADER_PARAMETERS,
        LABELS,
    ]
    digest.update(json.dumps(described).encode())
    for item in job.slices:
        digest.update(f"{item.source} {item.series} {prompt_codes(item.prompt)}".encode())
        pixels = item.item.pixels if isinstance(item, Variant) else item.pixels
        digest.update(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels[::16, ::16]).tobytes())
    return digest.hexdigest()
