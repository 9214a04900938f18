"""A Prediction as a picture: each slice that was looked at, with the patches that its score was made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from annotations.models import ImageSlice
from inference.models import Prediction

STRONGEST = 0.4  # opacity of the patch that counts most, so that the image stays visible below several of them
WEAKEST = 0.02  # fainter ones are left out


@dataclass(frozen=True)
class Patch:
    """A rectangle in pixels of the slice, and how strongly it is drawn, 0..1."""

    left: float
    top: float
    width: float
    height: float
    opacity: float


@dataclass(frozen=True)
class SlicePicture:
    """number: counted from 1. weight: share of the score. url: the frame as a picture of columns x rows pixels."""

    number: int
    weight: float
    rows: int
    columns: int
    url: str
    patches: tuple[Patch, ...]


def slice_pictures(prediction: Prediction) -> list[SlicePicture]:
    """The slices of a Prediction, the weightiest first; empty for Predictions from before patch weights were kept."""
    slices = {one.index: one for one in prediction.image.slices.select_related("instance__series__study")}
    weights = dict(zip(prediction.slice_indices, prediction.slice_weights, strict=True))
    pictures = [
        _picture(slices[one["slice"]], weights[one["slice"]], one["tiles"])
        for one in prediction.patch_weights
        if one["slice"] in slices
    ]
    return sorted(pictures, key=lambda one: -one.weight)


def _picture(place: ImageSlice, weight: float, tiles: list[dict[str, Any]]) -> SlicePicture:
    stored = place.instance.frame_format
    return SlicePicture(
        number=place.index + 1,
        weight=weight,
        rows=int(stored["rows"]),
        columns=int(stored["columns"]),
        url=_rendered_url(place),
        patches=tuple(patch for tile in tiles for patch in _patches(tile)),
    )


def _rendered_url(place: ImageSlice) -> str:
    series = place.instance.series
    return reverse(
        "dicomweb-frame-rendered",
        kwargs={
            "study": series.study.study_instance_uid,
            "series": series.series_instance_uid,
            "instance": place.instance.sop_instance_uid,
            "frames": str(place.frame_number),
        },
    )


def _patches(tile: dict[str, Any]) -> Iterator[Patch]:
    top, left, bottom, right = tile["box"]
    grid = tile["weights"]
    height, width = (bottom - top) / len(grid), (right - left) / len(grid[0])
    for row, values in enumerate(grid):
        for column, value in enumerate(values):
            if STRONGEST * value >= WEAKEST:
                yield Patch(left + column * width, top + row * height, width, height, round(STRONGEST * value, 3))
