"""Colours of decoded DICOM frames, and whether values are stored as a screen showed them (PS3.3 C.7.6.3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from inference.mediqa.types import SCREEN

PALETTE = "PALETTE COLOR"


def is_coloured(dataset: pydicom.Dataset) -> bool:
    """Tell whether a pixel stands for a colour: three samples, or a place in a palette."""
    return _is_palette(dataset) or int(dataset.get("SamplesPerPixel", 1)) == 3


def rgb(values: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[Any]:
    """Return the colours [..., 3] of decoded frames; those of a palette in 8 bits, whatever it declares."""
    if not _is_palette(dataset):
        return values
    every_index = np.arange(2**16, dtype=np.uint16)  # beyond the last colour stands the last one (C.7.6.3.1.5)
    is_long = bool(apply_color_lut(every_index, dataset).max() > SCREEN[1])  # some declare 16 bits and keep 8
    colours: NDArray[Any] = np.asarray(apply_color_lut(values, dataset))[..., :3] >> (8 if is_long else 0)
    return colours


def screen_of(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """Return which values are black and white where they are stored as a screen showed them: 8 bits of nothing else."""
    if _is_palette(dataset):
        return SCREEN
    sizes = {int(dataset.get(name) or 0) for name in ("BitsAllocated", "BitsStored")}
    has_byte = sizes == {8} and int(dataset.get("PixelRepresentation") or 0) == 0
    is_plain = (dataset.get("RescaleSlope") or 1) == 1 and (dataset.get("RescaleIntercept") or 0) == 0
    return SCREEN if has_byte and is_plain and not dataset.get("ModalityLUTSequence") else None


def _is_palette(dataset: pydicom.Dataset) -> bool:
    return str(dataset.get("PhotometricInterpretation")) == PALETTE
