"""The simulated set: degraded copies of real slices with scores by pseudo-experts, whole sources held out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.mediqa.benchmark.full_reference import MINIMUM_SIDE
from inference.mediqa.benchmark.pseudo_experts import READERS, SCALE, PseudoReaders, quality_of, reference_metrics
from inference.mediqa.benchmark.sets import TRAIN, Sample
from inference.mediqa.errors import UnscorableImage
from inference.mediqa.preprocessing import checked_pixels
from inference.mediqa.reading import Refused
from inference.mediqa.simulation.copies import degraded_copies, image_of_copy, subject_of
from inference.mediqa.simulation.sources import SourceSlice, read_sources
from inference.mediqa.types import Scale

MOST_COPIES, FEWEST_COPIES = 10, 2


@dataclass(frozen=True)
class SimulatedSet:
    """Copies of slices. The sources in ``seen`` (by the encoder) are only learnt from and never judged.

    per_modality: how many images are made of each modality on each side, as far as its slices reach (from
    ``FEWEST_COPIES`` to ``MOST_COPIES`` copies of each).
    """

    slices: tuple[SourceSlice, ...]
    seen: frozenset[str] = frozenset()
    per_modality: int = 300
    seed: int = 0
    readers: PseudoReaders = READERS
    name: str = "simulated"
    scale: Scale = SCALE

    @classmethod
    def read(
        cls, folders: Sequence[Path], *, seen: Collection[str] = (), per_series: int = 3, per_modality: int = 300,
        seed: int = 0,
    ) -> SimulatedSet:  # fmt: skip
        """Read the slices; raises FileNotFoundError."""
        slices = read_sources(folders, per_series=per_series)
        return cls(tuple(slices), frozenset(seen), per_modality, seed)

    def __iter__(self) -> Iterator[Sample | Refused]:
        groups = groups_of(self.slices)
        for index, (item, copies) in enumerate(self._chosen()):
            yield from self._copies(item, copies, groups[item.source], index)

    def _chosen(self) -> list[tuple[SourceSlice, int]]:
        """Slices with the number of their copies, balanced over sources within each modality and side."""
        sides: dict[tuple[bool, str], list[SourceSlice]] = defaultdict(list)
        for item in self.slices:
            if min(item.pixels.shape) >= MINIMUM_SIDE:
                sides[item.source in self.seen, item.prompt.modality].append(item)
        chosen = []
        for _, items in sorted(sides.items()):
            kept = _spread_over_sources(items, math.ceil(self.per_modality / FEWEST_COPIES))
            copies = min(MOST_COPIES, max(FEWEST_COPIES, self.per_modality // len(kept)))
            chosen += [(item, copies) for item in kept]
        return chosen

    def _copies(self, item: SourceSlice, copies: int, group: str, index: int) -> Iterator[Sample | Refused]:
        rng = np.random.default_rng((self.seed, 13, index))
        subject = subject_of(item)
        split = TRAIN if item.source in self.seen else ""
        for number, copy in enumerate(degraded_copies(item, copies, rng)):
            name = f"{item.source}/{index}#{number}"
            try:
                checked_pixels(copy.stack)
            except UnscorableImage as error:
                yield Refused(name, error.detail)
                continue
            quality = quality_of(reference_metrics(item.pixels, copy.pixels, subject.low, subject.high))
            score = self.readers.mean_score(quality, rng)
            yield Sample(name, image_of_copy(item, copy), score, group, split, quality, copy.severities)


def groups_of(slices: Sequence[SourceSlice]) -> dict[str, str]:
    """Return the group of each source: sources that share a patient are one."""
    group = {item.source: item.source for item in slices}
    first_of: dict[str, str] = {}
    for item in slices:
        other = first_of.setdefault(item.patient, item.source) if item.patient else item.source
        joined, old = group[other], group[item.source]
        group = {source: joined if own == old else own for source, own in group.items()}
    return group


def _spread_over_sources(items: Sequence[SourceSlice], count: int) -> list[SourceSlice]:
    """Return up to ``count`` slices, taken from the sources in turn, evenly within each."""
    if len(items) <= count:
        return list(items)
    by_source: dict[str, list[SourceSlice]] = defaultdict(list)
    for item in items:
        by_source[item.source].append(item)
    shares: Counter[str] = Counter()
    while sum(shares.values()) < count:
        free = [source for source, own in by_source.items() if shares[source] < len(own)]
        shares.update(free[: count - sum(shares.values())])
    return [
        own[round(place)] for source, own in by_source.items() for place in np.linspace(0, len(own) - 1, shares[source])
    ]
