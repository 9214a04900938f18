"""``score --maps``: a picture of each image, with how much each patch of the slices that were looked at counted."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np

from inference.mediqa.cli import sheet
from inference.mediqa.explanations import ALIKE, patch_maps, spread, weights_over
from inference.mediqa.preprocessing import checked_pixels, window_ranges, windowed
from inference.mediqa.reading import PICTURES
from inference.mediqa.types import DoubleArray, Features, FloatArray, ImageArray, IndexArray, Scored

Size = tuple[int, int]  # width, height
SIDE, SIDE_ALONE = 340, 620  # pixels of the longer side of a slice among others, and of one alone
LEAST_WIDTH = 800  # of a sheet, for its words
LONGEST_STRETCH = 8.0  # pixels that are said to be longer than that many times their width are drawn as squares
LONGEST_NAME = 60  # characters of a file's name, each of up to four bytes
SUFFIXES = (*PICTURES[::-1], ".dcm")


def make_folder(folder: Path, scored: Sequence[Path]) -> None:
    """Make the folder where there is none; raises ValueError where the maps would be scored, by this run or another."""
    for path in scored:
        if os.path.isdir(path) and folder.resolve().is_relative_to(path.resolve()):
            raise ValueError(f"The maps would be scored as images: {folder} lies in {path}, which is scored.")
    folder.mkdir(exist_ok=True)


def keep_map(picture: sheet.Picture, folder: Path, name: str) -> Path:
    """Write the picture under the image's name; where a file has that, with a number: none is overwritten."""
    content, start = io.BytesIO(), _safe(name)
    picture.save(content, "PNG")
    names = (f"{start}.png" if number == 1 else f"{start}-{number}.png" for number in count(1))
    place = next(folder / one for one in names if _is_new(folder / one))
    place.write_bytes(content.getvalue())
    return place


def _is_new(place: Path) -> bool:
    """Make the file; False where there is one."""
    try:
        place.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _safe(name: str) -> str:
    """Return the last part of an image's name, of letters, digits, dots, lines and hyphens."""
    text = re.sub(r"[^\w.-]+", "_", Path(name).name).strip("._-")
    suffix = next((one for one in SUFFIXES if text.lower().endswith(one)), "")
    return text[: len(text) - len(suffix)][:LONGEST_NAME] or "image"


def draw_map(
    image: ImageArray, features: Features, scored: Scored, *, keeps_screen: bool, said: Sequence[str]
) -> sheet.Picture:
    """Return the slices that were looked at, each with how much its patches counted below it; of one alone beside it.

    Grey values are those of the model's wide window. said: lines above the slices, the first a title.
    """
    pixels, chosen = checked_pixels(image.pixels), features.slice_indices
    ranges = window_ranges(pixels[chosen], image, keeps_screen=keeps_screen)
    size = _size(image)
    views = (windowed(pixels[index], ranges, is_inverted=image.is_inverted) for index in chosen)
    plain = [sheet.grey_picture(wide, size) for wide, _ in views]
    maps = patch_maps(features, scored.patch_weights)
    counted = np.stack([weights_over(one.tiles, pixels.shape[1:], size[::-1]) for one in maps])
    warm = [sheet.warmed(*pair) for pair in zip(plain, spread(counted), strict=True)]
    slices = _slices(plain, warm, _labels(chosen, scored.slice_weights, len(pixels)))
    return _sheet(slices, said, [*_scale(counted), sheet.words(_window_words(image, ranges[0]))])


def _size(image: ImageArray) -> Size:
    """As high and wide as in the body, where that is known."""
    rows, columns = image.pixels.shape[1:]
    high, wide = image.spacing_mm[1:] if image.spacing_mm else (1.0, 1.0)
    stretch = high / wide if high > 0 and wide > 0 else 1.0
    height = rows * (stretch if 1 / LONGEST_STRETCH <= stretch <= LONGEST_STRETCH else 1.0)
    scale = (SIDE_ALONE if len(image.pixels) == 1 else SIDE) / max(columns, height)
    return max(1, round(columns * scale)), max(1, round(height * scale))


def _labels(chosen: IndexArray, weights: FloatArray, slices: int) -> list[str]:
    if slices == 1:
        return []
    pairs = zip(chosen, weights, strict=True)
    return [f"slice {index + 1} of {slices}: {weight:.0%} of the score" for index, weight in pairs]


def _slices(plain: Sequence[sheet.Picture], warm: Sequence[sheet.Picture], labels: Sequence[str]) -> sheet.Picture:
    below = sheet.beside if len(plain) == 1 else sheet.below
    pairs = [below(pair) for pair in zip(plain, warm, strict=True)]
    if not labels:
        return pairs[0]
    return sheet.beside(
        [sheet.below([sheet.words(label), pair], gap=4) for label, pair in zip(labels, pairs, strict=True)]
    )


def _scale(counted: DoubleArray) -> list[sheet.Picture]:
    """What the colours mean."""
    low, high = float(counted.min()), float(counted.max())
    if high - low <= ALIKE:
        return [sheet.words("Every patch counts alike.")]
    meaning = f"{high:.0%} of what the weightiest patch counts. Boxes are crops at the image's own resolution."
    return [sheet.words(f"{low:.0%}"), sheet.bar(), sheet.words(meaning)]


def _window_words(image: ImageArray, window: tuple[float, float]) -> str:
    black, white = window[::-1] if image.is_inverted else window
    unit = " HU" if image.prompt.modality == "CT" else ""
    return f"Black to white is {black:.4g} to {white:.4g}{unit}."


def _sheet(slices: sheet.Picture, said: Sequence[str], legend: Sequence[sheet.Picture]) -> sheet.Picture:
    foot = sheet.beside(legend)
    width = max(LEAST_WIDTH, slices.width, foot.width)
    head = [sheet.words(line, width, is_title=not number) for number, line in enumerate(said)]
    room = sheet.blank(width, 1)
    return sheet.framed(sheet.below([sheet.below([*head, room], gap=0), slices, foot]))
