"""A Prediction as a picture: each slice that was looked at, with the patches that its score was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.urls import reverse

from annotations.models import ImageSlice
from inference.mediqa.explanations import TileMap, spread, weights_over
from inference.mediqa.types import DoubleArray
from inference.models import Prediction

STRONGEST = 0.5  # opacity of the place that counts most, so that the image stays visible below
WEAKEST = 0.02  # fainter ones are left out
PLACES = 16  # along the longer side of a slice: two for each patch of its coarse view


@dataclass(frozen=True)
class Patch:
    """A rectangle in pixels of the slice, and how strongly it is drawn: 0 where least counts in the image."""

    left: float
    top: float
    width: float
    height: float
    opacity: float


@dataclass(frozen=True)
class SlicePicture:
    """number: counted from 1. weight: share of the score. least: what the place that counts least in the image counts,
    as a share of what counts most. url: the frame as a picture of columns x rows pixels."""

    number: int
    weight: float
    least: float
    rows: int
    columns: int
    url: str
    patches: tuple[Patch, ...]


def slice_pictures(prediction: Prediction) -> list[SlicePicture]:
    """The slices of a Prediction, the weightiest first; empty for Predictions from before patch weights were kept.

    Patches don't overlap: where the coarse view and crops show the same place, it counts as they do on average.
    """
    slices = {one.index: one for one in prediction.image.slices.select_related("instance__series__study")}
    weights = dict(zip(prediction.slice_indices, prediction.slice_weights, strict=True))
    maps = [one for one in prediction.patch_weights if one["slice"] in slices]
    if not maps:
        return []
    counted = np.stack([_counted(slices[one["slice"]], one["tiles"]) for one in maps])
    least = float(counted.min() / max(counted.max(), 1e-9))
    pictures = [
        _picture(slices[one["slice"]], weights[one["slice"]], least, shares)
        for one, shares in zip(maps, spread(counted), strict=True)
    ]
    return sorted(pictures, key=lambda one: -one.weight)


def _counted(place: ImageSlice, tiles: Sequence[dict[str, Any]]) -> DoubleArray:
    """How much each of ``PLACES`` along a side counted, [height, width]."""
    rows, columns = _size(place)
    longer = max(rows, columns)
    shape = max(1, round(PLACES * rows / longer)), max(1, round(PLACES * columns / longer))
    maps = [TileMap(tuple(one["box"]), np.array(one["weights"], dtype=float)) for one in tiles]
    return weights_over(maps, (rows, columns), shape)


def _picture(place: ImageSlice, weight: float, least: float, shares: DoubleArray) -> SlicePicture:
    rows, columns = _size(place)
    height, width = rows / len(shares), columns / len(shares[0])
    return SlicePicture(
        number=place.index + 1,
        weight=weight,
        least=least,
        rows=rows,
        columns=columns,
        url=_rendered_url(place),
        patches=tuple(
            Patch(column * width, row * height, width, height, round(float(STRONGEST * share), 3))
            for (row, column), share in np.ndenumerate(shares)
            if STRONGEST * share >= WEAKEST
        ),
    )


def _size(place: ImageSlice) -> tuple[int, int]:
    """Rows and columns."""
    stored = place.instance.frame_format
    return int(stored["rows"]), int(stored["columns"])


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
