"""From an image to tiles, keeping what quality is made of.

Each chosen slice gives one view of the whole (letterboxed, area-averaged) and crops at native resolution,
where noise, sharpness and ringing are as the scanner made them. Two windows by modality are the channels; what a
slice does not share with the slices beside it can be a third.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.nn import functional

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.slices import salience, salient_slices
from inference.mediqa.types import DoubleArray, FloatArray, HalfArray, ImageArray, IndexArray, PreparedImage

CT_WIDE_HU = (-1000.0, 400.0)  # the window of LDCTIQAC 2023
CT_NARROW_HU = (-160.0, 240.0)  # soft tissue
MARGIN = 0.25  # how far values may leave 0..1, so that noise at the ends of a window is not cut
MINIMUM_SIDE = 16  # pixels of an image that is scored
MAXIMUM_PIXELS = 2**29
LARGEST_SPAN = 1e37  # of the values, far within what float32 holds
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
AS_SHOWN = frozenset({"US", "OP", "OPT"})  # modalities of which a screen's grey values are what is judged
STACKED = frozenset({"CT", "MR", "PT"})  # modalities whose slices lie beside each other in the body
LARGEST_GAP_MM = 6.0  # between slices; beyond that the body between two is not known
BLOCK = 8  # pixels on a side of the blocks in which crop positions are judged


@dataclass(frozen=True)
class PreprocessingConfig:
    """Sizes of what the encoder sees: K slices, one whole view and ``crops`` crops of ``tile`` pixels.

    looks_across: with the third channel, the slice against those beside it. keeps_screen: how bright a screen showed
    ultrasound and photographs is kept, since too dark is a fault of these.
    """

    tile: int = 128
    crops: int = 4
    slices: int = 5
    looks_across: bool = False
    keeps_screen: bool = True


Ranges = tuple[tuple[float, float], tuple[float, float]]


def prepare(image: ImageArray, config: PreprocessingConfig | None = None) -> PreparedImage:
    """Return the tiles of an image; raises UnscorableImage. Safe to call from several threads."""
    config = config or PreprocessingConfig()
    pixels = checked_pixels(image.pixels)
    scores = salience(pixels)
    chosen = chosen_slices(scores, image, config.slices)
    ranges = window_ranges(pixels[chosen], image, keeps_screen=config.keeps_screen)
    tiles, boxes = [], []
    for index in chosen:
        view = windowed(pixels[index], ranges, is_inverted=image.is_inverted)
        corners = choose_corners(view, config.crops, config.tile)
        cut = cut_tiles(view, corners, config.tile)
        if config.looks_across:
            difference = across(pixels, index, ranges) if is_stack(image) else None
            cut = with_across(cut, difference, corners)
        tiles.append(_halved(cut))
        boxes.append(_boxes(corners, config.tile, view.shape[1], view.shape[2]))
    return PreparedImage(
        tiles=np.stack(tiles),
        tile_boxes=np.stack(boxes),
        slice_indices=chosen,
        salience=scores,
        prompt=image.prompt,
    )


def chosen_slices(scores: FloatArray, image: ImageArray, count: int) -> IndexArray:
    """Return up to ``count`` of the slices that are judged, the salient ones, ascending."""
    if image.judged is None:
        return salient_slices(scores, count)
    judged = np.array(sorted(image.judged), dtype=np.int64)
    return judged[salient_slices(scores[judged], count)]


def _halved(values: FloatArray) -> HalfArray:
    """Return float16, rounded as numpy would, which takes twenty times as long."""
    half: HalfArray = torch.from_numpy(values).half().numpy()
    return half


def luminance(pixels: FloatArray) -> FloatArray:
    """Return one channel of colour pixels: [..., 3] -> float32 [...]."""
    return (pixels[..., :3].astype(np.float32) @ LUMINANCE).astype(np.float32)


def stacked(planes: Iterable[FloatArray], count: int) -> FloatArray:
    """Return [count, rows, columns], each plane put in its place as it comes, so that none is held twice.

    Raises UnscorableImage where there are none, or where they differ in size; ValueError where they are not ``count``.
    """
    coming = iter(planes)
    first = next(coming, None)
    if first is None:
        raise UnscorableImage("empty", "The image has no frames.")
    stack = np.empty((count, *first.shape), dtype=np.float32)
    for place, plane in zip(stack, chain((first,), coming), strict=True):
        if plane.shape != first.shape:
            raise UnscorableImage("wrong_shape", "The slices differ in size.")
        place[:] = plane
    return stack


def checked_pixels(pixels: FloatArray) -> FloatArray:
    """Return float32 pixels without holes, or raise UnscorableImage with its reason."""
    if pixels.ndim != 3:
        raise UnscorableImage("wrong_shape", "The pixels are no stack of slices: [slices, rows, columns].")
    if pixels.size == 0:
        raise UnscorableImage("empty", "The image has no pixels.")
    if min(pixels.shape[1:]) < MINIMUM_SIDE:
        raise UnscorableImage("too_small", "The image has too few pixels on a side to be scored.")
    if pixels.size > MAXIMUM_PIXELS:
        raise UnscorableImage("too_large", "The image has too many pixels to be scored.")
    values = pixels.astype(np.float32, copy=False)
    low, high = _extremes(values)
    if not np.isfinite((low, high)).all():
        values = _filled(values)
        low, high = _extremes(values)
    if low == high:
        raise UnscorableImage("constant", "Every pixel has the same value.")
    return values


def _extremes(pixels: FloatArray) -> tuple[float, float]:
    """Lowest and highest value, NaN where any pixel is; slice by slice, as the processor's cache holds them."""
    extremes = [(plane.min(), plane.max()) for plane in pixels]
    return float(np.min(extremes)), float(np.max(extremes))


def _filled(pixels: FloatArray) -> FloatArray:
    is_finite = np.isfinite(pixels)
    if is_finite.mean() < 0.5:
        raise UnscorableImage("not_finite", "More than half of the pixels are no finite numbers.")
    return np.where(is_finite, pixels, pixels[is_finite].min()).astype(np.float32)


def window_ranges(pixels: FloatArray, image: ImageArray, *, keeps_screen: bool = True) -> Ranges:
    """Return (low, high) of the wide and of the narrow window, in the units of the pixels.

    Raises UnscorableImage where they span more than can be computed with.
    """
    if image.prompt.modality == "CT":
        return CT_WIDE_HU, CT_NARROW_HU
    sample = pixels.reshape(-1)[:: max(1, pixels.size // 400_000)]
    low, first, last, high = (float(value) for value in np.percentile(sample, (0.1, 1.0, 98.0, 99.9)))
    if high - low > LARGEST_SPAN:
        raise UnscorableImage("not_finite", "The pixels' values span more than can be computed with.")
    wide = (screen_range(image) if keeps_screen else None) or (low, max(high, low + 1e-6))
    return wide, _header_range(image.window, wide) or (first, max(last, first + 1e-6))


def screen_range(image: ImageArray) -> tuple[float, float] | None:
    """Return what a screen showed as black and white, of a modality that is judged as it was shown; else None."""
    return image.screen if image.prompt.modality in AS_SHOWN else None


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
    view = np.empty((len(ranges), *plane.shape), dtype=np.float32)
    with np.errstate(over="ignore"):  # what leaves the numbers leaves the margin, too
        for value, (low, high) in zip(view, ranges, strict=True):
            np.subtract(plane, low, out=value)
            value /= high - low
            if is_inverted:
                np.subtract(1.0, value, out=value)
            np.clip(value, -MARGIN, 1.0 + MARGIN, out=value)
    return view


def across(pixels: FloatArray, index: int, ranges: Ranges) -> FloatArray:
    """Return [1, rows, columns]: slice ``index`` less the mean of the two beside it, as a share of the wide window.

    A thicker slice differs less from those beside it, noise and what befell one slice alone more. At the end of the
    stack the one slice beside it counts twice.
    """
    before, after = abs(index - 1), index + 1 if index + 1 < len(pixels) else index - 1
    low, high = ranges[0]
    difference = np.add(pixels[before], pixels[after])
    difference *= -0.5 / (high - low)
    difference += pixels[index] * np.float32(1 / (high - low))
    result: FloatArray = np.clip(difference, -1.0, 1.0, out=difference)[None]
    return result


def is_stack(image: ImageArray) -> bool:
    """Tell whether the slices lie so near to each other that what is beside one says something of it."""
    has_place = image.spacing_mm is not None and 0 < (image.spacing_mm[0] or 0) <= LARGEST_GAP_MM
    return len(image.pixels) > 1 and has_place and image.prompt.modality in STACKED


def with_across(tiles: FloatArray, difference: FloatArray | None, corners: list[tuple[int, int]]) -> FloatArray:
    """Return tiles with the third channel: [T, 2, S, S] -> [T, 3, S, S]; 0 throughout without a difference."""
    side = tiles.shape[-1]
    if difference is None:
        third = np.zeros((len(tiles), 1, side, side), dtype=np.float32)
    else:
        third = cut_tiles(difference, corners, side)
    return np.concatenate((tiles, third), axis=1)


def choose_corners(
    view: FloatArray, count: int, side: int, generator: np.random.Generator | None = None
) -> list[tuple[int, int]]:
    """Return upper left corners of ``count`` crops: most detail first, little overlap.

    With a generator the interest of the places is drawn from (training); without, the choice is the same
    for the same image.
    """
    rows, columns = (_places(length, side) for length in view.shape[1:])
    interest = _interest(view[1], rows, columns, side)
    if generator is not None:
        interest = interest * generator.uniform(0.2, 1.0, size=interest.shape)
    chosen: list[tuple[int, int]] = []
    for _ in range(count):
        best = np.unravel_index(np.argmax(interest), interest.shape)
        row, column = int(rows[best[0]]), int(columns[best[1]])
        chosen.append((row, column))
        overlap = np.outer(_shared(rows, row, side), _shared(columns, column, side)) / side**2
        interest = interest * (1.0 - 0.95 * overlap)
    return chosen


def _places(length: int, side: int) -> IndexArray:
    """Return where crops may begin along one axis: ascending, at most 12."""
    last = max(0, length - side)
    count = min(12, -(-last // (side // 2)) + 1)
    return np.unique(np.linspace(0, last, count).round().astype(np.int64))


def _interest(narrow: FloatArray, rows: IndexArray, columns: IndexArray, side: int) -> DoubleArray:
    """Share of foreground plus the spread of coarse values in each place, [rows, columns]; never 0."""
    size = tuple(min(side, length) for length in narrow.shape)
    step = BLOCK // 2
    crops = sliding_window_view(narrow, size)[..., ::step, ::step][np.ix_(rows, columns)]
    foreground = np.count_nonzero((crops > 0.1) & (crops < 1.1), axis=(2, 3)) / crops[0, 0].size
    interest: DoubleArray = 0.05 + foreground + np.minimum(crops.std(axis=(2, 3)), 0.5)
    return interest


def _shared(places: IndexArray, chosen: int, side: int) -> IndexArray:
    """Return how many pixels along one axis crops have in common with the chosen one."""
    shared: IndexArray = np.maximum(0, side - np.abs(places - chosen))
    return shared


def cut_tiles(view: FloatArray, corners: list[tuple[int, int]], side: int) -> FloatArray:
    """Return [1 + len(corners), V, side, side] of a view [V, rows, columns]: the whole, then the crops (mirrored at
    the border)."""
    rows, columns = view.shape[1:]
    padding = ((0, 0), (0, max(0, side - rows)), (0, max(0, side - columns)))
    padded = np.pad(view, padding, mode="symmetric") if rows < side or columns < side else view
    crops = [padded[:, row : row + side, column : column + side] for row, column in corners]
    return np.stack([whole_view(view, side), *crops])


def whole_view(view: FloatArray, side: int) -> FloatArray:
    """Letterbox [V, rows, columns] to a square and average it down (or interpolate it up) to ``side``."""
    tensor = torch.from_numpy(_letterboxed(view))[None]
    if tensor.shape[-1] >= side:
        scaled = functional.interpolate(tensor, size=(side, side), mode="area")
    else:
        scaled = functional.interpolate(tensor, size=(side, side), mode="bilinear", align_corners=False)
    result: FloatArray = scaled[0].numpy()
    return result


def _letterboxed(view: FloatArray) -> FloatArray:
    """Return [V, rows, columns] in the middle of a square of the lowest value that is shown."""
    rows, columns = view.shape[1:]
    if rows == columns:
        return view
    length = max(rows, columns)
    above, left = (length - rows) // 2, (length - columns) // 2
    fill = np.clip(view.min(axis=(1, 2), keepdims=True), 0.0, 1.0)
    square = np.broadcast_to(fill, (view.shape[0], length, length)).copy()
    square[:, above : above + rows, left : left + columns] = view
    return square


def _boxes(corners: list[tuple[int, int]], side: int, rows: int, columns: int) -> FloatArray:
    whole = [(0, 0, rows, columns)]
    crops = [(row, column, row + side, column + side) for row, column in corners]
    return np.array(whole + crops, dtype=np.float32)
