"""Acquisition parameters of DICOM headers as targets of upstream pre-training.

Values are logarithms, z-scored robustly (median, 1.4826 times the median absolute deviation) within modality and
vendor, since what a scanner calls a setting depends on both; absent ones are masked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inference.mediqa.types import FloatArray

# parameter with its unit -> DICOM keywords, the first that is there counts
HEADER_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "tube_voltage_kv": ("KVP",),
    "tube_current_ma": ("XRayTubeCurrent",),
    "exposure_mas": ("Exposure", "ExposureInmAs"),
    "slice_thickness_mm": ("SliceThickness",),
    "field_tesla": ("MagneticFieldStrength",),
    "echo_time_ms": ("EchoTime",),
    "repetition_time_ms": ("RepetitionTime",),
    "flip_angle_deg": ("FlipAngle",),
    "bandwidth_hz_per_px": ("PixelBandwidth",),
    "averages_count": ("NumberOfAverages",),
    "pixel_spacing_mm": ("PixelSpacing", "ImagerPixelSpacing"),
}
HEADER_PARAMETERS: tuple[str, ...] = tuple(HEADER_KEYWORDS)
SMALLEST_GROUP = 8
LARGEST_Z = 3.0


def header_parameters(header: Mapping[str, Any]) -> dict[str, float]:
    """Return the positive, finite parameters that a header names. Never raises."""
    found = {}
    for name, keywords in HEADER_KEYWORDS.items():
        values = (_positive(header.get(keyword)) for keyword in keywords)
        value = next((value for value in values if value is not None), None)
        if value is not None:
            found[name] = value / 1e4 if name == "field_tesla" and value > 20 else value  # some write gauss
    return found


def header_targets(
    parameters: Sequence[Mapping[str, float]], modalities: Sequence[str], vendors: Sequence[str]
) -> FloatArray:
    """Return z-scores [n, parameters], NaN where absent. Groups under ``SMALLEST_GROUP`` join their modality."""
    logs = np.array(
        [[math.log(one[name]) if name in one else math.nan for name in HEADER_PARAMETERS] for one in parameters]
    ).reshape(-1, len(HEADER_PARAMETERS))
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, key in enumerate(zip(modalities, vendors, strict=True)):
        rows[key].append(index)
    scored = np.full_like(logs, math.nan)
    for (modality, _), members in rows.items():
        wider = [index for index, name in enumerate(modalities) if name == modality]
        reference = logs[members if len(members) >= SMALLEST_GROUP else wider]
        scored[members] = _robust(logs[members], reference)
    return scored.astype(np.float32)


def _robust(values: np.ndarray[Any, Any], reference: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    result = np.full_like(values, math.nan)
    for column in range(values.shape[1]):
        known = reference[:, column][np.isfinite(reference[:, column])]
        if len(known) < 2 or np.ptp(known) == 0:  # nothing to tell apart
            continue
        middle = np.median(known)
        spread = 1.4826 * np.median(np.abs(known - middle)) or known.std()
        result[:, column] = np.clip((values[:, column] - middle) / spread, -LARGEST_Z, LARGEST_Z)
    return result


def _positive(value: Any) -> float | None:
    try:
        is_list = hasattr(value, "__len__") and not isinstance(value, str)
        number = float(value[0] if is_list else value)
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) and number > 0 else None
