"""Degraded copies of real slices with known severities: what upstream pre-training learns from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.mediqa.physics import DEGRADATIONS, Subject, degrade_stack, kinds_for
from inference.mediqa.preprocessing import LARGEST_GAP_MM, screen_range, window_ranges, windowed
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import FloatArray, ImageArray

SHARES = {0: 0.12, 1: 0.58, 2: 0.30}  # of copies with no, one and two kinds of degradation
LEVELS = ((0.05, 0.4), (0.3, 0.75), (0.6, 1.0))  # of the severities of a ladder
BASE_SHARE = 0.35  # of ladders on an image that has another fault already
FIDELITY_SIDE = 256
WORST_GMSD = 0.3
GMSD_CONSTANT = 0.0026  # of values in 0..1, as published; ``benchmark/full_reference.py`` does not round it


def quality_of(severities: Sequence[float]) -> float:
    """Return 1 for an untouched image; each degradation takes its share of what is left."""
    return float(np.prod([1.0 - value for value in severities])) if len(severities) else 1.0


def overall_quality(severities: Sequence[float], fidelity: float) -> float:
    """Return the mean of what the severities leave and of the structure that is still to be seen, 0..1."""
    return (quality_of(severities) + fidelity) / 2


def draw_severities(modality: str, rng: np.random.Generator, names: Sequence[str] | None = None) -> dict[str, float]:
    """Draw none, one or two kinds that the modality knows, each with a severity uniform in 0.05..1.

    names: the kinds to draw from; without them all that need no neighbours.
    """
    if names is None:
        names = [kind.name for kind in DEGRADATIONS if kind.fits(modality) and not kind.needs_neighbours]
    count = int(rng.choice(list(SHARES), p=list(SHARES.values())))
    chosen = rng.choice(list(names), size=min(count, len(names)), replace=False)
    return {str(name): float(rng.uniform(0.05, 1.0)) for name in chosen}


def draw_ladders(names: Sequence[str], count: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Draw ``count`` copies: an untouched one, then ladders of three severities of one kind each.

    A third of the ladders stand on a second kind of fixed severity. Kinds are used up before one comes again.
    """
    copies: list[dict[str, float]] = [{}]
    order: list[str] = []
    while len(copies) < count:
        order = order or [str(name) for name in rng.permutation(list(names))]
        kind = order.pop()
        others = [name for name in names if name != kind]
        base = {str(rng.choice(others)): float(rng.uniform(0.1, 0.6))} if others and rng.random() < BASE_SHARE else {}
        copies += [base | {kind: float(rng.uniform(*level))} for level in LEVELS]
    return copies[:count]


def subject_of(item: SourceSlice) -> Subject:
    """Return the slice as the physics takes it; the visible range is the screen's, else that of the narrow window."""
    image = image_of(item, item.pixels)
    low, high = screen_range(image) or window_ranges(item.pixels[None], image)[1]
    if item.prompt.modality == "CT":
        low, high = -1000.0, 400.0
    has_neighbours = item.neighbours is not None and item.offsets_mm is not None and len(item.offsets_mm) > 0
    return Subject(
        pixels=torch.from_numpy(item.pixels),
        modality=item.prompt.modality,
        is_inverted=item.is_inverted,
        spacing_mm=item.spacing_mm,
        low=low,
        high=high,
        neighbours=torch.from_numpy(item.neighbours) if has_neighbours else None,
        offsets_mm=torch.from_numpy(item.offsets_mm) if has_neighbours else None,
    )


@dataclass(frozen=True)
class Copy:
    """A degraded copy of a slice between the slices beside it, where these are known, degraded alike."""

    stack: FloatArray  # [n, rows, columns], n from 1 to 3
    place: int  # of the copy in the stack
    gap_mm: float | None  # between slices
    severities: dict[str, float]

    @property
    def pixels(self) -> FloatArray:
        """[rows, columns]"""
        pixels: FloatArray = self.stack[self.place]
        return pixels


def image_of(item: SourceSlice, pixels: FloatArray) -> ImageArray:
    """Return pixels [rows, columns] in place of the slice's as a 2-D image."""
    return ImageArray(pixels=pixels[None], prompt=item.prompt, is_inverted=item.is_inverted, screen=item.screen)


def image_of_copy(item: SourceSlice, copy: Copy) -> ImageArray:
    """Return a copy as an image of which one slice is judged."""
    return ImageArray(
        pixels=copy.stack,
        prompt=item.prompt,
        is_inverted=item.is_inverted,
        spacing_mm=(copy.gap_mm, item.spacing_mm, item.spacing_mm),
        judged=(copy.place,),
        screen=item.screen,
    )


def degraded_copies(
    item: SourceSlice, count: int, rng: np.random.Generator, *, kinds: Collection[str] | None = None
) -> Iterator[Copy]:
    """Yield ``count`` random copies; the first is untouched. kinds: to draw from, if not all."""
    subject = subject_of(item)
    names = [name for name in kinds_for(subject) if kinds is None or name in kinds]
    recipes = [draw_severities(subject.modality, rng, names) if index else {} for index in range(count)]
    yield from made(subject, recipes, rng)


def made(subject: Subject, recipes: Sequence[Mapping[str, float]], rng: np.random.Generator) -> Iterator[Copy]:
    """Yield a copy for each recipe."""
    seed = int(rng.integers(2**31))
    generator, others = (torch.Generator().manual_seed(one) for one in (seed, seed + 2**31))
    nearest = _nearest(subject)
    subjects = [subject, *(subject.beside(place) for place in nearest.values())]
    order = np.argsort([0.0, *nearest])
    for severities in recipes:
        degraded = degrade_stack(subjects, severities, generator, others)
        yield Copy(
            stack=np.stack([degraded[index].numpy() for index in order]),
            place=int(np.flatnonzero(order == 0)[0]),
            gap_mm=float(np.mean(np.abs(list(nearest)))) if nearest else None,
            severities=dict(severities),
        )


def _nearest(subject: Subject) -> dict[float, int]:
    """Return offset in mm -> neighbour of the nearest one on each side, as far as there are any."""
    if subject.neighbours is None or subject.offsets_mm is None:
        return {}
    offsets_mm = subject.offsets_mm.tolist()
    found = {}
    for side in (-1, 1):
        near = [(abs(offset), place) for place, offset in enumerate(offsets_mm) if offset * side > 0]
        if near and min(near)[0] <= LARGEST_GAP_MM:
            found[side * min(near)[0]] = min(near)[1]
    return found


def fidelity_of(item: SourceSlice, pixels: FloatArray) -> float:
    """Return how much of the visible structure of the slice a copy has kept, 1 all to 0.

    1 - GMSD / 0.3 (Xue et al., IEEE TIP 23:684, 2014) in the windows of the original, the mean of both.
    """
    ranges = window_ranges(item.pixels[None], image_of(item, item.pixels))
    views = np.stack([windowed(one, ranges, is_inverted=item.is_inverted) for one in (item.pixels, pixels)])
    deviation = _gradient_similarity_deviation(torch.from_numpy(views))
    return float((1 - deviation / WORST_GMSD).clamp(min=0).mean())


def _gradient_similarity_deviation(views: Tensor) -> Tensor:
    """[2, windows, rows, columns], original and copy -> GMSD of each window."""
    factor = max(1, round(max(views.shape[-2:]) / FIDELITY_SIDE))
    coarse = functional.avg_pool2d(views, factor) if factor > 1 else views
    prewitt = torch.tensor([[1.0, 0.0, -1.0]] * 3) / 3
    kernels = torch.stack((prewitt, prewitt.T))[:, None]
    planes = coarse.reshape(-1, 1, *coarse.shape[-2:])
    magnitude = functional.conv2d(planes, kernels).square().sum(dim=1).sqrt().reshape(*coarse.shape[:2], -1)
    original, copy = magnitude
    similarity = (2 * original * copy + GMSD_CONSTANT) / (original**2 + copy**2 + GMSD_CONSTANT)
    deviation: Tensor = similarity.std(dim=-1)
    return deviation
