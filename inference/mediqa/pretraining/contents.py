"""More contents for pre-training where real ones are few: radiographs made from CT, phantoms, native crops.

Nothing here is a patient. Backgrounds follow a power law of spatial frequency, as breast parenchyma does with
an exponent of about 3 (Burgess et al., Med Phys 28:419, 2001); radiographs are line integrals of attenuation
(Siddon, Med Phys 12:252, 1985, by sampling); ultrasound is log-compressed speckle of an echo map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from inference.mediqa.physics import ct, ultrasound
from inference.mediqa.preprocessing import AS_SHOWN
from inference.mediqa.pretraining.processes import in_processes
from inference.mediqa.pretraining.screens import on_screen, screens
from inference.mediqa.pretraining.tissues import ct_section, mr_section
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import SCREEN, FloatArray, Prompt

LARGEST_SIDE = 1024  # larger images are binned, as a detector bins, and cropped at native resolution
NATIVE_SIDE = 640
NATIVE_CROPS = 4
LEAST_LIKENESS = 0.5  # correlation of neighbouring pixels; of white noise 0
SHORTEST_STACK = 10  # slices from which a radiograph can be made
WIDEST_GAP_MM = 6.0  # median between them
DoubleArray = np.ndarray[Any, Any]


def with_generated(slices: Sequence[SourceSlice], count: int, *, seed: int = 0, workers: int = 1) -> list[SourceSlice]:
    """Return the slices, large ones binned and cropped, with ``count`` generated images of each sort.

    Phantoms are drawn by ``workers`` processes; each has a seed of its own, so that their number changes nothing.
    """
    rng = np.random.default_rng((seed, 11))
    result = [part for item in slices for part in fitted(item, rng)]
    if count:
        result += list(radiographs(slices, count, rng))
        result += list(screens(slices, count, rng))
        wanted = [(name, number, seed) for name in PHANTOMS for number in range(count)]
        result += in_processes(workers, _phantom, wanted)
    return result


def _phantom(wanted: tuple[str, int, int]) -> SourceSlice:
    name, number, seed = wanted
    prompt, draw, spacing_mm = PHANTOMS[name]
    pixels = draw(np.random.default_rng((seed, 11, list(PHANTOMS).index(name), number))).astype(np.float32)
    return SourceSlice(
        f"generated_{name}", str(number), "", pixels, prompt, is_inverted=False, spacing_mm=spacing_mm,
        screen=SCREEN if prompt.modality in AS_SHOWN else None,
    )  # fmt: skip


def thinned(slices: Sequence[SourceSlice], most: int) -> list[SourceSlice]:
    """Return at most ``most`` slices of each modality, as evenly from its sources as they have them, spread in each."""
    places: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, item in enumerate(slices):
        places[item.prompt.modality][item.source].append(index)
    kept: set[int] = set()
    for by_source in places.values():
        left, sources = most, sorted(by_source.values(), key=len)
        for done, members in enumerate(sources):  # the small ones first: what they lack the large ones fill
            count = min(len(members), left // (len(sources) - done))
            kept |= {members[place] for place in np.linspace(0, len(members) - 1, count).round().astype(int)}
            left -= count
    return [item for index, item in enumerate(slices) if index in kept]


def has_structure(item: SourceSlice) -> bool:
    """Tell an image from a map of noise, which must not count as a perfect image: neighbouring pixels are alike."""
    centred = item.pixels - item.pixels.mean()
    power = float((centred**2).mean())
    alike = float((centred[1:] * centred[:-1]).mean() + (centred[:, 1:] * centred[:, :-1]).mean()) / 2
    return alike > LEAST_LIKENESS * max(power, 1e-12)


def fitted(item: SourceSlice, rng: np.random.Generator) -> Iterator[SourceSlice]:
    """Yield an image as it is, or a large one binned to ``LARGEST_SIDE`` and in native crops with something in them."""
    rows, columns = item.pixels.shape
    factor = -(-max(rows, columns) // LARGEST_SIDE)
    if factor == 1:
        yield item
        return
    trimmed = item.pixels[: rows // factor * factor, : columns // factor * factor]
    binned = trimmed.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(1, 3))
    yield replace(item, pixels=np.ascontiguousarray(binned), spacing_mm=item.spacing_mm * factor)
    high, wide = min(rows, NATIVE_SIDE), min(columns, NATIVE_SIDE)
    for _ in range(NATIVE_CROPS):
        corners = [(int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))) for _ in range(6)]
        crops = [item.pixels[row : row + high, column : column + wide] for row, column in corners]
        yield replace(item, pixels=np.ascontiguousarray(max(crops, key=lambda crop: float(crop.std()))))


def radiographs(slices: Sequence[SourceSlice], count: int, rng: np.random.Generator) -> Iterator[SourceSlice]:
    """Yield ``count`` digitally reconstructed radiographs in random directions from stacks of CT slices."""
    stacks: dict[str, list[SourceSlice]] = defaultdict(list)
    for item in slices:
        if item.prompt.modality == "CT" and item.prompt.image_type != "localizer" and item.position_mm is not None:
            stacks[item.series].append(item)
    usable = [members for members in stacks.values() if _is_dense(members)]
    for number in range(count if usable else 0):
        members = usable[number % len(usable)]
        region = members[0].prompt.region
        pixels = radiograph(members, float(rng.uniform(-30, 30)) + 90 * (number % 4 == 3))
        prompt = Prompt("2D", "XR", region, "lateral" if number % 4 == 3 else "frontal")
        spacing_mm = members[0].spacing_mm
        yield SourceSlice(
            f"generated_drr_{members[0].source}", f"drr {number}", members[0].patient, pixels, prompt,
            is_inverted=False, spacing_mm=spacing_mm,
        )  # fmt: skip


def _is_dense(members: Sequence[SourceSlice]) -> bool:
    places = sorted({float(one.position_mm or 0) for one in members})
    return len(places) >= SHORTEST_STACK and float(np.median(np.diff(places))) <= WIDEST_GAP_MM


def radiograph(members: Sequence[SourceSlice], degrees: float) -> FloatArray:
    """Sum attenuation along a direction in the plane of CT slices -> line integrals [places along the body, columns].

    0 degrees looks along the columns (frontal), 90 along the rows (lateral). Between real slices line integrals
    are interpolated, down to the spacing of the pixels: that is the same as interpolating the body.
    """
    ordered = sorted(members, key=lambda one: -float(one.position_mm or 0))
    ordered = [one for one in ordered if one.pixels.shape == ordered[0].pixels.shape]
    spacing_mm = ordered[0].spacing_mm
    planes = ct.attenuation_of(torch.from_numpy(np.stack([one.pixels for one in ordered])), spacing_mm)
    angle = np.radians(degrees)
    ticks = torch.linspace(-1, 1, max(planes.shape[1:]))
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    grid = torch.stack((x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)), dim=-1).float()
    turned = functional.grid_sample(planes[:, None], grid.expand(len(planes), -1, -1, -1), align_corners=True)
    lines = turned[:, 0].sum(dim=1).numpy()  # [slices, columns]
    places = np.array([-float(one.position_mm or 0) for one in ordered])
    wanted = np.arange(places[0], places[-1], spacing_mm)
    right = np.clip(np.searchsorted(places, wanted), 1, len(places) - 1)
    share = ((wanted - places[right - 1]) / np.maximum(places[right] - places[right - 1], 1e-6))[:, None]
    result: FloatArray = (lines[right - 1] * (1 - share) + lines[right] * share).astype(np.float32)
    return result


def power_law(side: int, exponent: float, rng: np.random.Generator) -> DoubleArray:
    """Return noise [side, side] with a power spectrum f^-exponent, mean 0, standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) * frequency ** (-exponent / 2)
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return np.asarray(noise / noise.std())


def mammogram(rng: np.random.Generator) -> DoubleArray:
    """A compressed breast against the left border: power-law tissue, masses, fibres and calcifications."""
    side = int(rng.integers(480, 720))
    y, x = np.mgrid[0:side, 0:side] / side
    depth = (x / rng.uniform(0.6, 0.9)) ** 2 + ((y - 0.5) / rng.uniform(0.42, 0.55)) ** 2
    thickness = np.clip((1 - depth) * 6, 0, 1) ** 0.5
    tissue = 2.0 + 0.35 * power_law(side, rng.uniform(2.6, 3.3), rng) + 0.04 * power_law(side, 1.5, rng)
    for _ in range(int(rng.integers(2, 6))):
        tissue += rng.uniform(0.05, 0.4) * _spot(side, rng, 0.015, 0.06)
    for _ in range(int(rng.integers(3, 10))):
        tissue += rng.uniform(0.05, 0.2) * _line(side, rng, width_px=rng.uniform(1, 3))
    tissue += _dots(side, int(rng.integers(5, 60)), rng) * rng.uniform(0.3, 1.0)
    muscle = np.clip((0.35 - x - (y - 0.1) * rng.uniform(0.4, 0.9)) * 25, 0, 1) * (rng.random() < 0.5)
    image = thickness * tissue + 0.6 * muscle * thickness
    return np.asarray(1000 * image + rng.normal(0, 4, image.shape))


def fundus(rng: np.random.Generator) -> DoubleArray:
    """A retina as grey values: disc, macula, a tree of vessels, texture, a black surround."""
    side = int(rng.integers(480, 900))
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    left = rng.choice([-1, 1])
    disc_x, disc_y = left * rng.uniform(0.15, 0.25), rng.uniform(-0.05, 0.05)
    image = 95 + 12 * power_law(side, 2.5, rng) + 3 * power_law(side, 1.0, rng) - 60 * (x**2 + y**2)
    image -= 30 * np.exp(-((x + left * 0.08) ** 2 + (y - 0.02) ** 2) / (2 * 0.05**2))
    image += 90 / (1 + np.exp((np.hypot(x - disc_x, (y - disc_y) * 1.1) - 0.06) / 0.006))
    vessels = np.zeros((side, side))
    for direction in (1, -1):
        for width in rng.uniform(2.0, 5.0, size=3):
            _grow(vessels, disc_x, disc_y, direction * rng.uniform(0.6, 2.2), width * side / 700, left, rng)
    image -= 35 * np.clip(vessels, 0, 1)
    for _ in range(int(rng.integers(0, 12))):
        image += rng.choice([-25, 40]) * _spot(side, rng, 0.003, 0.012)
    inside = 1 / (1 + np.exp((np.hypot(x, y) - 0.48) / 0.003))
    return np.asarray(np.clip(image * inside + rng.normal(0, 1.2, image.shape), 0, 255))


def ultrasound_scan(rng: np.random.Generator) -> DoubleArray:
    """Speckle of layers, cysts and bright interfaces, 60 decibels on 0..255; half in a sector, half on a screen."""
    side = int(rng.integers(300, 560))
    y, x = np.mgrid[0:side, 0:side] / side
    level = 26 + 4 * power_law(side, 3.0, rng)
    for edge in np.sort(rng.uniform(0.05, 0.9, size=int(rng.integers(2, 6)))):
        bend = edge + 0.05 * np.sin(x * rng.uniform(2, 7) + rng.uniform(0, 6))
        level += np.where(y > bend, rng.normal(0, 6), 0.0) + rng.uniform(5, 22) * np.exp(
            -(((y - bend) * side / 3) ** 2)
        )
    for _ in range(int(rng.integers(0, 5))):
        level -= rng.uniform(5, 30) * (_spot(side, rng, 0.03, 0.12) > 0.6)
    grain = ultrasound.speckle_intensity(
        torch.zeros(side, side), torch.Generator().manual_seed(int(rng.integers(2**31)))
    ).numpy()
    share = rng.uniform(0.2, 0.6)  # frames are compounded: speckle is partly averaged away
    image = np.clip((level + 10 * np.log10(1 - share + share * grain)) * 255 / 60, 0, 255)
    if rng.random() < 0.5:
        image = image * (np.abs(x - 0.5) < (0.12 + 0.45 * y))
    return np.asarray(image) if rng.random() < 0.5 else on_screen(image, rng)


def bones(rng: np.random.Generator) -> DoubleArray:
    """Limb bones or ribs and a spine as line integrals: tubes with a cortex, trabeculae, soft tissue."""
    side = int(rng.integers(480, 760))
    y, x = np.mgrid[0:side, 0:side] / side
    path = 1.2 * np.sqrt(np.clip(1 - ((x - 0.5) / rng.uniform(0.35, 0.6)) ** 2, 0, 1)) + 0.06 * power_law(
        side, 2.8, rng
    )
    trabeculae = 1 + 0.12 * power_law(side, 1.8, rng)
    for _ in range(int(rng.integers(2, 9))):
        slope, offset, bend = rng.uniform(-0.5, 0.5), rng.uniform(0.1, 0.9), rng.uniform(-0.6, 0.6)
        along, across = (y, x) if rng.random() < 0.6 else (x, y)
        distance = np.abs(across - offset - slope * (along - 0.5) - bend * (along - 0.5) ** 2)
        radius = rng.uniform(0.015, 0.08)
        outer = np.sqrt(np.clip(radius**2 - distance**2, 0, None))
        inner = np.sqrt(np.clip((rng.uniform(0.6, 0.85) * radius) ** 2 - distance**2, 0, None))
        path += 9 * (outer - inner) + 3.5 * inner * trabeculae
    return np.asarray(1000 * np.clip(path, 0, None) + rng.normal(0, 6, path.shape))


def _spot(side: int, rng: np.random.Generator, small: float, large: float) -> DoubleArray:
    y, x = np.mgrid[0:side, 0:side] / side
    radius, cy, cx, ratio = rng.uniform(small, large), *rng.uniform(0.15, 0.85, size=2), rng.uniform(0.6, 1.5)
    return np.asarray(np.exp(-(((y - cy) / radius) ** 2 + ((x - cx) / (ratio * radius)) ** 2) / 2))


def _line(side: int, rng: np.random.Generator, width_px: float) -> DoubleArray:
    y, x = np.mgrid[0:side, 0:side]
    angle, (cy, cx) = rng.uniform(0, np.pi), rng.uniform(0.2, 0.8, size=2) * side
    across = (x - cx) * np.sin(angle) - (y - cy) * np.cos(angle)
    along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    return np.asarray(np.exp(-((across / width_px) ** 2)) * (np.abs(along) < rng.uniform(0.05, 0.25) * side))


def _dots(side: int, count: int, rng: np.random.Generator) -> DoubleArray:
    centre = rng.uniform(0.25, 0.7, size=2) * side
    image = np.zeros((side, side))
    places = np.clip(rng.normal(centre, side * 0.05, size=(count, 2)), 1, side - 2).astype(int)
    image[places[:, 0], places[:, 1]] = 1
    return image + 0.6 * np.roll(image, 1, axis=int(rng.integers(2)))


def _grow(
    image: DoubleArray, x: float, y: float, angle: float, width_px: float, left: int, rng: np.random.Generator
) -> None:
    """Draw a vessel step by step, branching as it thins."""
    side = len(image)
    angle = angle if left < 0 else np.pi - angle
    while width_px > 0.5 and x**2 + y**2 < 0.24:
        x, y = x + 0.004 * np.cos(angle), y + 0.004 * np.sin(angle)
        angle += rng.normal(0, 0.06)
        column, row, reach = int((x + 0.5) * side), int((y + 0.5) * side), int(2 * width_px) + 2
        rows = np.arange(max(row - reach, 0), min(row + reach + 1, side))
        columns = np.arange(max(column - reach, 0), min(column + reach + 1, side))
        spot = np.exp(-((rows[:, None] - row) ** 2 + (columns[None, :] - column) ** 2) / width_px**2)
        area = np.ix_(rows, columns)
        image[area] = np.maximum(image[area], spot)
        width_px *= 0.996
        if rng.random() < 0.02:
            _grow(
                image, x, y, angle + rng.choice([-0.6, 0.6]) if left < 0 else np.pi - angle, 0.7 * width_px, left, rng
            )


Draw = Callable[[np.random.Generator], DoubleArray]
PHANTOMS: dict[str, tuple[Prompt, Draw, float]] = {
    "mammograms": (Prompt("2D", "MG", "breast", "frontal"), mammogram, 0.1),
    "fundi": (Prompt("2D", "OP", "eye"), fundus, 0.01),
    "ultrasound": (Prompt("2D", "US"), ultrasound_scan, 0.2),
    "bones": (Prompt("2D", "XR", "limb", "frontal"), bones, 0.15),
    "ct_sections": (Prompt("3D", "CT"), ct_section, 0.75),
    "mr_sections": (Prompt("3D", "MR"), mr_section, 1.0),
}
