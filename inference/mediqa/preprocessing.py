"""From an image to tiles, keeping what quality is made of.

Each chosen slice gives one view of the whole (letterboxed, area-averaged) and crops at native resolution,
where noise, sharpness and ringing are as the scanner made them. Two windows by modality are the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.slices import salience, salient_slices
from inference.mediqa.types import FloatArray, ImageArray, PreparedImage

CT_WIDE_HU = (-1000.0, 400.0)  # the window of LDCTIQAC 2023
CT_NARROW_HU = (-160.0, 240.0)  # soft tissue
MARGIN = 0.25  # how far values may leave 0..1, so that noise at the ends of a window is not cut
MINIMUM_SIDE = 16
MAXIMUM_PIXELS = 2**29
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
BLOCK = 8  # pixels on a side of the blocks in which crop positions are judged


@dataclass(frozen=True)
class PreprocessingConfig:
    """Sizes of what the encoder sees: K slices, one whole view and ``crops`` crops of ``tile`` pixels."""

    tile: int = 128
    crops: int = 4
    slices: int = 5


Ranges = tuple[tuple[float, float], tuple[float, float]]


def prepare(image: ImageArray, config: PreprocessingConfig | None = None) -> PreparedImage:
    """Return the tiles of an image; raises UnscorableImage. Safe to call from several threads."""
    config = config or PreprocessingConfig()
    pixels = checked_pixels(image.pixels)
    scores = salience(pixels)
    chosen = salient_slices(scores, config.slices)
    ranges = window_ranges(pixels[chosen], image)
    tiles, boxes = [], []
    for index in chosen:
        view = windowed(pixels[index], ranges, is_inverted=image.is_inverted)
        corners = choose_corners(view, config.crops, config.tile)
        tiles.append(cut_tiles(view, corners, config.tile))
        boxes.append(_boxes(corners, config.tile, view.shape[1], view.shape[2]))
    return PreparedImage(
        tiles=np.stack(tiles).astype(np.float16),
        tile_boxes=np.stack(boxes),
        slice_indices=chosen,
        salience=scores,
        prompt=image.prompt,
    )


def luminance(pixels: FloatArray) -> FloatArray:
    """Return one channel of colour pixels: [..., 3] -> float32 [...]."""
    return (pixels[..., :3].astype(np.float32) @ LUMINANCE).astype(np.float32)


def checked_pixels(pixels: FloatArray) -> FloatArray:
    """Return float32 pixels without holes, or raise UnscorableImage with its reason."""
    if pixels.ndim != 3:
        raise UnscorableImage("wrong_shape", f"Expected [slices, rows, columns], got {pixels.ndim} axes.")
    if pixels.size == 0:
        raise UnscorableImage("empty", "The image has no pixels.")
    if min(pixels.shape[1:]) < MINIMUM_SIDE:
        raise UnscorableImage(
            "too_small",
            f"{pixels.shape[1]} x {pixels.shape[2]} pixels; at least {MINIMUM_SIDE} a side are needed.",
        )
    if pixels.size > MAXIMUM_PIXELS:
        raise UnscorableImage("too_large", f"{pixels.size} pixels; at most {MAXIMUM_PIXELS} can be scored.")
    filled = _without_holes(pixels.astype(np.float32, copy=False))
    if float(filled.min()) == float(filled.max()):
        raise UnscorableImage("constant", "Every pixel has the same value.")
    return filled


def _without_holes(pixels: FloatArray) -> FloatArray:
    is_finite = np.isfinite(pixels)
    if is_finite.all():
        return pixels
    if is_finite.mean() < 0.5:
        raise UnscorableImage("not_finite", "More than half of the pixels are no finite numbers.")
    return np.where(is_finite, pixels, pixels[is_finite].min()).astype(np.float32)


def window_ranges(pixels: FloatArray, image: ImageArray) -> Ranges:
    """Return (low, high) of the wide and of the narrow window, in the units of the pixels."""
    if image.prompt.modality == "CT":
        return CT_WIDE_HU, CT_NARROW_HU
    sample = pixels.reshape(-1)[:: max(1, pixels.size // 400_000)]
    low, first, last, high = (float(value) for value in np.percentile(sample, (0.1, 1.0, 98.0, 99.9)))
    wide = (low, max(high, low + 1e-6))
    return wide, _header_range(image.window, wide) or (first, max(last, first + 1e-6))


def _header_range(window: tuple[float, float] | None, wide: tuple[float, float]) -> tuple[float, float] | None:
    """Return the header's window where it shows something of this image, else None."""
    if window is None or not np.isfinite(window).all() or window[1] <= 0:
        return None
    low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
    shown = min(high, wide[1]) - max(low, wide[0])
    if shown < 0.05 * (wide[1] - wide[0]) or shown < 0.2 * (high - low):
        return None
    return low, high


def windowed(plane: FloatArray, ranges: Ranges, *, is_inverted: bool) -> FloatArray:
    """Return [2, rows, columns]: the slice in both windows, 0..1 with a margin, bright is always high."""
    channels = []
    for low, high in ranges:
        value = (np.clip(plane, low - (high - low), high + (high - low)) - low) / (high - low)
        channels.append(np.clip(1.0 - value if is_inverted else value, -MARGIN, 1.0 + MARGIN))
    return np.stack(channels).astype(np.float32)


def choose_corners(
    view: FloatArray, count: int, side: int, generator: np.random.Generator | None = None
) -> list[tuple[int, int]]:
    """Return upper left corners of ``count`` crops: most detail first, little overlap.

    With a generator the interest of the places is drawn from (training); without, the choice is the same
    for the same image.
    """
    rows, columns = view.shape[1:]
    places = _places(rows, columns, side)
    interest = np.array([_interest(view, row, column, side) for row, column in places])
    if generator is not None:
        interest = interest * generator.uniform(0.2, 1.0, size=len(interest))
    chosen: list[tuple[int, int]] = []
    for _ in range(count):
        best = places[int(np.argmax(interest))]
        chosen.append(best)
        interest = interest * np.array([1.0 - 0.95 * _overlap(best, place, side) for place in places])
    return chosen


def _places(rows: int, columns: int, side: int) -> list[tuple[int, int]]:
    def steps(length: int) -> list[int]:
        last = max(0, length - side)
        count = min(12, -(-last // (side // 2)) + 1)
        return sorted({round(value) for value in np.linspace(0, last, count)})

    return [(row, column) for row in steps(rows) for column in steps(columns)]


def _interest(view: FloatArray, row: int, column: int, side: int) -> float:
    """Share of foreground plus the spread of coarse values in one place; never 0."""
    narrow = view[1, row : row + side : BLOCK // 2, column : column + side : BLOCK // 2]
    return float(0.05 + np.mean((narrow > 0.1) & (narrow < 1.1)) + min(float(narrow.std()), 0.5))


def _overlap(first: tuple[int, int], second: tuple[int, int], side: int) -> float:
    high = max(0, side - abs(first[0] - second[0]))
    wide = max(0, side - abs(first[1] - second[1]))
    return high * wide / side**2


def cut_tiles(view: FloatArray, corners: list[tuple[int, int]], side: int) -> FloatArray:
    """Return [1 + len(corners), 2, side, side]: the whole view, then the crops (mirrored at the border)."""
    rows, columns = view.shape[1:]
    padding = ((0, 0), (0, max(0, side - rows)), (0, max(0, side - columns)))
    padded = np.pad(view, padding, mode="symmetric") if rows < side or columns < side else view
    crops = [padded[:, row : row + side, column : column + side] for row, column in corners]
    return np.stack([whole_view(view, side), *crops]).astype(np.float32)


def whole_view(view: FloatArray, side: int) -> FloatArray:
    """Letterbox [2, rows, columns] to a square and average it down (or interpolate it up) to ``side``."""
    rows, columns = view.shape[1:]
    length = max(rows, columns)
    above, left = (length - rows) // 2, (length - columns) // 2
    fill = np.clip(view.min(axis=(1, 2), keepdims=True), 0.0, 1.0)
    square = np.broadcast_to(fill, (view.shape[0], length, length)).copy()
    square[:, above : above + rows, left : left + columns] = view
    tensor = torch.from_numpy(square)[None]
    if length >= side:
        scaled = functional.interpolate(tensor, size=(side, side), mode="area")
    else:
        scaled = functional.interpolate(tensor, size=(side, side), mode="bilinear", align_corners=False)
    result: FloatArray = scaled[0].numpy()
    return result


def _boxes(corners: list[tuple[int, int]], side: int, rows: int, columns: int) -> FloatArray:
    whole = [(0, 0, rows, columns)]
    crops = [(row, column, row + side, column + side) for row, column in corners]
    return np.array(whole + crops, dtype=np.float32)
