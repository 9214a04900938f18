"""Ultrasound as scanners show it: on a black screen, with text, a scale of grey and marks of depth around it."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from inference.mediqa.preprocessing import screen_range
from inference.mediqa.simulation.copies import image_of
from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import DoubleArray, FloatArray

MARGINS = (0.05, 0.35)  # of the screen, on each side of the scan
LINES = (3, 14)
LETTERS = string.ascii_letters + string.digits + " .:/%-"
LINE_PX = 14


def screens(slices: Sequence[SourceSlice], count: int, rng: np.random.Generator) -> Iterator[SourceSlice]:
    """Yield ``count`` slices of ultrasound on a screen each, in turn, where there are any that are stored as shown."""
    usable = [item for item in slices if item.prompt.modality == "US" and screen_range(image_of(item, item.pixels))]
    for number in range(count if usable else 0):
        item = usable[number * len(usable) // count % len(usable)]
        yield replace(
            item, source=f"generated_screens_{item.source}", series=f"screen {number}",
            pixels=on_screen(item.pixels, rng).astype(np.float32), neighbours=None, offsets_mm=None,
        )  # fmt: skip


def on_screen(scan: FloatArray | DoubleArray, rng: np.random.Generator) -> DoubleArray:
    """Put a scan [rows, columns] in 0..255 on a larger screen; what is written on it means nothing."""
    rows, columns = scan.shape
    above, below, left, right = (int(rng.uniform(*MARGINS) * side) for side in (rows, rows, columns, columns))
    screen = Image.new("L", (left + columns + right, above + rows + below))
    draw = ImageDraw.Draw(screen)
    if rng.random() < 0.5:  # a bar behind the first lines
        draw.rectangle((0, 0, screen.width, above), fill=int(rng.integers(20, 120)))
    screen.paste(Image.fromarray(np.clip(scan, 0, 255).astype(np.uint8)), (left, above))
    for _ in range(int(rng.integers(*LINES))):
        words = "".join(rng.choice(list(LETTERS), size=int(rng.integers(3, 22))))
        place = (int(rng.integers(0, screen.width)), int(rng.integers(0, screen.height // LINE_PX + 1)) * LINE_PX)
        if _is_beside(place, (left, above, left + columns, above + rows)):
            draw.text(place, words, fill=int(rng.integers(120, 256)))
    _draw_scales(draw, (left, above), rows, rng)
    return np.asarray(screen, dtype=np.float64)


def _is_beside(place: tuple[int, int], box: tuple[int, int, int, int]) -> bool:
    """Tell whether a line that begins here leaves most of the scan alone."""
    return place[0] < box[0] or place[0] > box[2] or place[1] < box[1] or place[1] > box[3]


def _draw_scales(draw: ImageDraw.ImageDraw, corner: tuple[int, int], height: int, rng: np.random.Generator) -> None:
    """A wedge of grey and marks of depth, left of the scan."""
    length, column = height // 4, max(0, corner[0] - int(rng.integers(8, 16)))
    for row in range(length):
        draw.line((column, corner[1] + row, column + 6, corner[1] + row), fill=255 - 255 * row // max(length, 1))
    for mark in range(corner[1], corner[1] + height, max(8, height // int(rng.integers(6, 16)))):
        draw.line((corner[0] - 3, mark, corner[0], mark), fill=200)
