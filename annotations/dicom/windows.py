"""The windows offered for an Image, the first one shown, and whether it is inverted (PS3.3 C.11.2,
C.7.6.3.1.2).

A wrong look-up table on screen is a wrong score: windows are in modality units (after the rescale), a
header's window
that shows nothing of the image is not the first one, and padding never counts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from annotations.dicom import tags
from annotations.dicom.frames import FrameFormat, to_modality_units
from annotations.dicom.functional_groups import FunctionalGroups
from annotations.dicom.layout import read_layout
from annotations.dicom.modality_lut import read_modality_table, read_table
from annotations.dicom.pixels import raw_frames

Shape = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID", "TABLE"]
_SHAPES: dict[str, Shape] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
_SAMPLES = 1_000_000
_MOST_POINTS = 1024


@dataclass(frozen=True)
class Window:
    """One window in modality units. `function` as in PS3.3 C.11.2.1.2 and C.11.2.1.3.

    TABLE: a VOI LUT (C.11.2.1.1) as `points`, rising pairs of modality value and output from 0 to 1, straight lines
    between them; `center` and `width` then say about where it rises.
    """

    name: str
    center: float
    width: float
    function: Shape = "LINEAR"
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Display:
    """What a viewer needs first. `windows[0]` is the first one shown; none for colours."""

    windows: tuple[Window, ...]
    is_inverted: bool
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Display":
        windows = tuple(_from_json(one) for one in stored["windows"])
        return cls(windows, bool(stored["is_inverted"]), tuple(stored.get("notes", ())))


def _from_json(stored: dict[str, Any]) -> Window:
    points = tuple((float(value), float(output)) for value, output in stored.get("points", ()))
    return Window(**{**stored, "points": points})


CT_PRESETS = (
    Window("Soft tissue", 40, 400),
    Window("Lung", -600, 1500),
    Window("Bone", 400, 1800),
    Window("Brain", 40, 80),
    Window("Liver", 60, 160),
)
_USUAL_NAMES = frozenset([*(preset.name for preset in CT_PRESETS), "Automatic", "Full range"])
_CT_REGIONS = (
    ("Brain", ("HEAD", "BRAIN", "SKULL")),
    ("Lung", ("LUNG",)),
    ("Bone", ("SPINE", "EXTREMITY", "KNEE", "FOOT", "ANKLE", "HAND", "WRIST", "ELBOW", "SHOULDER")),
    ("Liver", ("LIVER",)),
)
# Robust window: percentiles of what is neither padding nor background, by modality.
_PERCENTILES: dict[str, tuple[float, float]] = {"PT": (0.0, 99.5), "NM": (0.0, 99.5), "MR": (0.5, 99.5)}
_OTHER_PERCENTILES = (0.5, 99.5)


def display_settings(
    dataset: Dataset,
    stored_format: FrameFormat,
    frames: Sequence[NDArray[Any]],
    frame_indices: Sequence[int] | None = None,
) -> Display:
    """The windows for an Instance, from its header and one or a few of its decoded frames (stored values).

    `frame_indices`: which frames those are (from 0); the first ones when not given. Never raises for bad
    headers.
    """
    if stored_format.is_colour:
        return Display((), is_inverted=False)
    indices = list(range(len(frames))) if frame_indices is None else list(frame_indices)
    values = _visible_values(dataset, stored_format, frames, indices)
    stated, notes = _header_windows(dataset, stored_format, indices[0] if indices else 0, values)
    measured = _measured_window(dataset, stored_format, values)
    shown = [window for window in stated if _shows_something(window, values)]
    if len(shown) < len(stated):
        notes += ("A window of the header lies outside the image's values and is offered last.",)
    hidden = [window for window in stated if window not in shown]
    windows = _without_repeats([*shown, measured, *_presets(dataset, stored_format, values), *hidden])
    return Display(windows, stored_format.photometric_interpretation == "MONOCHROME1", notes)


def is_stated(name: str) -> bool:
    """Whether a window of this name is the header's, and neither measured nor one of the usual ones."""
    return name not in _USUAL_NAMES


def apply_window(values: NDArray[np.float32], window: Window, *, is_inverted: bool = False) -> NDArray[np.uint8]:
    """Modality units to 0..255 (PS3.3 C.11.2.1.2.1, C.11.2.1.3)."""
    scaled = _window_function(values.astype(np.float64), window)
    shown = np.rint(np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
    return 255 - shown if is_inverted else shown


def _window_function(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    if window.function == "TABLE":
        points, outputs = zip(*window.points, strict=True)
        return np.asarray(np.interp(values, points, outputs))
    if window.function == "SIGMOID":
        exponent = np.clip(-4 * (values - window.center) / max(window.width, 1e-9), -700, 700)
        return np.asarray(1 / (1 + np.exp(exponent)))
    if window.function == "LINEAR_EXACT" or window.width <= 1:
        return np.asarray((values - window.center) / max(window.width, 1e-9) + 0.5)
    return np.asarray((values - (window.center - 0.5)) / (window.width - 1) + 0.5)


def _visible_values(
    dataset: Dataset, stored_format: FrameFormat, frames: Sequence[NDArray[Any]], indices: Sequence[int]
) -> NDArray[np.float32]:
    """A sample of modality values without padding; of all values where everything would be padding."""
    parts = [_sampled(frame, len(frames)) for frame in frames]
    filed = [_sampled(frame, len(frames)) for frame in _as_in_the_file(dataset, stored_format, frames, indices)]
    kept = [part[~_is_padding(dataset, values)] for part, values in zip(parts, filed, strict=False)]
    chosen = kept if any(part.size for part in kept) else parts
    units = [to_modality_units(part, stored_format, index) for part, index in zip(chosen, indices, strict=False)]
    return np.concatenate(units) if units else np.zeros(1, np.float32)


def _as_in_the_file(
    dataset: Dataset, stored_format: FrameFormat, frames: Sequence[NDArray[Any]], indices: Sequence[int]
) -> Sequence[NDArray[Any]]:
    """The frames before a modality table or a narrowing: padding is named by those values (PS3.3 C.7.5.1.1.2)."""
    is_moved = stored_format.offset != 0 or stored_format.step != 1 or read_modality_table(dataset) is not None
    if not is_moved or tags.number(dataset, "PixelPaddingValue") is None:
        return frames
    found = dict(enumerate(islice(raw_frames(dataset, read_layout(dataset)), max(indices, default=-1) + 1)))
    return [found[index] for index in indices]


def _sampled(frame: NDArray[Any], count: int) -> NDArray[Any]:
    flat = frame.ravel()
    return flat[:: max(flat.size * count // _SAMPLES, 1)]


def _is_padding(dataset: Dataset, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixel Padding Value and Range Limit, inclusive, of the values in the file (PS3.3 C.7.5.1.1.2)."""
    value = tags.number(dataset, "PixelPaddingValue")
    if value is None:
        return np.zeros(values.shape, np.bool_)
    limit = tags.number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    if values.dtype.kind == "u" and low < 0:  # the padding was written as signed, the pixels are not
        low, high = low + 65536, high + 65536 if high < 0 else high
    return np.asarray((values >= low) & (values <= high))


def _header_windows(
    dataset: Dataset, stored_format: FrameFormat, frame_index: int, values: NDArray[np.float32]
) -> tuple[list[Window], tuple[str, ...]]:
    group = FunctionalGroups(dataset).find(frame_index, "FrameVOILUTSequence")
    source = dataset if group is None else group
    centers, widths = tags.numbers(source, "WindowCenter"), tags.numbers(source, "WindowWidth")
    names = tags.texts(source, "WindowCenterWidthExplanation")
    shape = _SHAPES.get(tags.text(source, "VOILUTFunction").upper(), "LINEAR")
    windows = [
        Window(names[index] if index < len(names) and names[index] else _name(index), center, width, shape)
        for index, (center, width) in enumerate(zip(centers, widths, strict=False))
        if width >= (1 if shape == "LINEAR" else 1e-9)
    ]
    tables = [] if stored_format.offset or stored_format.step != 1 else _table_windows(dataset, values)
    return tables + windows, ()


def _name(index: int) -> str:
    return "Header" if index == 0 else f"Header {index + 1}"


def _table_windows(dataset: Dataset, values: NDArray[np.float32]) -> list[Window]:
    """Each VOI LUT that can be read, as a table; the standard puts it before the windows where both are given.

    Of values below zero, a table that begins above them all was written unsigned and begins below zero itself.
    """
    windows = []
    for index, module in enumerate(tags.sequence(dataset, "VOILUTSequence")):
        table = read_table(module)
        if table is None:
            continue
        entries = table[1].astype(np.float64)
        is_wrapped = table[0] >= 32768 and values.min() < 0 and values.max() < table[0]
        first = table[0] - 65536 if is_wrapped else table[0]
        rising = entries if entries[-1] >= entries[0] else entries[::-1]
        low, high = rising[0] + np.ptp(entries) * 0.02, rising[0] + np.ptp(entries) * 0.98
        inside = np.flatnonzero((entries >= low) & (entries <= high))
        if inside.size > 1:
            width = float(inside[-1] - inside[0]) / 0.96
            center = first + float(inside[-1] + inside[0]) / 2
            name = tags.text(module, "LUTExplanation") or f"Look-up table {index + 1}"
            windows.append(Window(name, center, max(width, 1.0), "TABLE", _points(first, entries, module)))
    return windows


def _points(first: int, entries: NDArray[np.float64], module: Dataset) -> tuple[tuple[float, float], ...]:
    """Every n-th entry and the last, over the range that the descriptor's bits can hold (PS3.3 C.11.2.1.1)."""
    bits = int(tags.numbers(module, "LUTDescriptor")[2])
    highest = float(max(2 ** min(max(bits, 1), 16) - 1, entries.max(), 1.0))
    chosen = sorted({*range(0, len(entries), -(-len(entries) // _MOST_POINTS)), len(entries) - 1})
    return tuple((float(first + index), float(entries[index]) / highest) for index in chosen)


def _shows_something(window: Window, values: NDArray[np.float32]) -> bool:
    """False when more than 99.5 % of the values are all black or all white."""
    if window.function == "TABLE":
        shown = apply_window(values, window)
        return bool(np.mean(shown == 0) < 0.995 and np.mean(shown == 255) < 0.995)
    low, high = window.center - window.width / 2, window.center + window.width / 2
    return bool(np.mean(values <= low) < 0.995 and np.mean(values >= high) < 0.995)


def _measured_window(dataset: Dataset, stored_format: FrameFormat, values: NDArray[np.float32]) -> Window:
    modality = tags.text(dataset, "Modality").upper()
    if _is_hounsfield(modality, dataset, stored_format):
        return _ct_default(dataset)
    if stored_format.bits_allocated == 8 and modality not in ("PT", "NM", "MR"):
        return Window("Full range", *_full_range(stored_format))
    return _automatic(modality, stored_format, values)


def _automatic(modality: str, stored_format: FrameFormat, values: NDArray[np.float32]) -> Window:
    low_share, high_share = _PERCENTILES.get(modality, _OTHER_PERCENTILES)
    foreground = values[values > values.min()] if modality in _PERCENTILES else values
    chosen = foreground if foreground.size else values
    low, high = (float(one) for one in np.percentile(chosen, (low_share, high_share)))
    if modality in ("PT", "NM"):
        low = min(0.0, low)
    return Window("Automatic", (low + high) / 2, _width(low, high, stored_format), "LINEAR_EXACT")


def _full_range(stored_format: FrameFormat) -> tuple[float, float]:
    slope, intercept = stored_format.rescale(0)
    return 128 * slope + intercept, max(256 * abs(slope), 1.0)


def _width(low: float, high: float, stored_format: FrameFormat) -> float:
    return high - low if high > low else abs(stored_format.rescale(0)[0]) or 1.0


def _is_hounsfield(modality: str, dataset: Dataset, stored_format: FrameFormat) -> bool:
    is_localizer = "LOCALIZER" in tags.texts(dataset, "ImageType")
    return modality == "CT" and stored_format.unit == "HU" and not is_localizer and stored_format.bits_allocated > 8


def _ct_default(dataset: Dataset) -> Window:
    words = " ".join(tags.text(dataset, key).upper() for key in ("BodyPartExamined", "SeriesDescription"))
    for name, regions in _CT_REGIONS:
        if any(region in words for region in regions):
            return next(preset for preset in CT_PRESETS if preset.name == name)
    return CT_PRESETS[0]


def _presets(dataset: Dataset, stored_format: FrameFormat, values: NDArray[np.float32]) -> tuple[Window, ...]:
    """For CT the usual ones; for all others the measured one and from the lowest to the highest value."""
    modality = tags.text(dataset, "Modality").upper()
    if _is_hounsfield(modality, dataset, stored_format):
        return CT_PRESETS
    low, high = float(values.min()), float(values.max())
    full = Window("Full range", (low + high) / 2, _width(low, high, stored_format), "LINEAR_EXACT")
    return _automatic(modality, stored_format, values), full


def _without_repeats(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Each window once, in the place of the first; a usual name goes before the header's, and that before "Header"."""
    found: dict[tuple[float, float, str], Window] = {}
    for window in windows:
        key = (window.center, window.width, window.function)
        is_usual = window.name in _USUAL_NAMES and found.get(key, window).name not in _USUAL_NAMES
        if key not in found or is_usual or found[key].name.startswith("Header"):
            found[key] = window
    return tuple(found.values())
