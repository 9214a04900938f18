"""The only bridge to torch: ModelVersion -> loaded Predictor, Image -> pixels. Only worker children import this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from annotations.dicom.frames import FrameFormat, decode_stored, to_modality_units
from inference import storage
from inference.errors import CheckpointMissing, TooFewScores
from inference.mediqa.errors import CheckpointError, FittingError
from inference.mediqa.heads.choosing import ScoredImages, fit_chosen
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.predictor import Predictor
from inference.mediqa.preprocessing import luminance, stacked
from inference.mediqa.slices import salience, salient_slices
from inference.mediqa.types import SCREEN, Features, FloatArray, ImageArray, PreparedImage, Prompt, Scale, Scored
from inference.models import ModelVersion
from inference.services.contracts import CheckpointContent, FitProgress, FitRequest, ScoredFeatures
from inference.sources import FrameSource, ImageSource

LOADED_AT_ONCE = 2
HEAD_CHOICE = "head_choice"  # in a checkpoint's account of its training
MOST_VOXELS = 2**28  # 1 GiB of float32; a longer volume is read twice and only its salient slices are kept
SALIENCE_VOXELS = 2**26
BATCH_ON_CPU = 16
BATCH_ON_GPU = 64


def engine_for(version: ModelVersion) -> Engine:
    """The version's model, from memory where this process has loaded it before.

    Raises:
        CheckpointMissing: its files are not in storage, or are not what was registered.
    """
    return _load(version.number, version.weights_name, version.document_name, version.sha256)


@lru_cache(maxsize=LOADED_AT_ONCE)
def _load(number: int, weights_name: str, document_name: str, sha256: str) -> Engine:
    try:
        weights, document = storage.read(weights_name), storage.read(document_name)
        predictor = Predictor.load_bytes(weights, document)
    except FileNotFoundError as error:
        raise CheckpointMissing(
            f"The checkpoint of model version {number} is not in storage. Restore it from a backup, or roll back."
        ) from error
    except CheckpointError as error:
        raise CheckpointMissing(f"The checkpoint of model version {number} cannot be used: {error}") from error
    if predictor.sha256 != sha256:
        raise CheckpointMissing(
            f"The checkpoint of model version {number} was altered after registration. Restore it from a backup."
        )
    return Engine(predictor)


class Engine:
    """One loaded model, in the terms of the services (see `services/contracts.py`)."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.features_version = predictor.features_version
        self.batch_size = BATCH_ON_CPU if str(predictor.device) == "cpu" else BATCH_ON_GPU

    def prepare(self, source: ImageSource) -> PreparedImage:
        """Read and prepare an Image; safe in several threads. Raises UnscorableImage, ValueError, OSError."""
        if _voxels(source) > MOST_VOXELS:
            return self._prepare_long(source)
        return self._predictor.prepare(_image_array(source, read_frames(source.frames)))

    def _prepare_long(self, source: ImageSource) -> PreparedImage:
        """Salience of every slice from a part of its rows; then the salient ones are read in full, and those beside
        them for a network that looks across."""
        scores = salience(_sparse_rows(source))
        chosen = salient_slices(scores, self._predictor.config.slices)
        beside = (-1, 0, 1) if self._predictor.config.looks_across else (0,)
        read = np.unique(np.clip(np.add.outer(chosen, beside), 0, len(scores) - 1))
        pixels = read_frames([source.frames[index] for index in read])
        judged = tuple(int(place) for place in np.searchsorted(read, chosen))
        prepared = self._predictor.prepare(replace(_image_array(source, pixels), judged=judged))
        return replace(prepared, slice_indices=read[prepared.slice_indices], salience=scores)

    def encode(self, prepared: Sequence[PreparedImage]) -> list[Features]:
        return self._predictor.encode_prepared(prepared)

    def score(
        self, features: Sequence[Features], prompts: Sequence[Prompt], scales: Mapping[str, Scale]
    ) -> list[Scored]:
        return self._predictor.score(features, prompts=prompts, scales=scales)

    def fit(self, request: FitRequest, on_progress: FitProgress) -> Engine:
        """A model with heads trained on the request's scores, calibrated on those kept for validation.

        Raises:
            TooFewScores: the scores cannot be learnt from.
        """
        try:
            heads, choice = fit_chosen(
                _scored_images(request.train, request.scales),
                config=FitConfig(**request.config),
                seed=request.seed,
                initial=self._predictor.prior,
                on_progress=on_progress,
            )
        except FittingError as error:
            raise TooFewScores(str(error)) from error
        training = dict(request.training) | {HEAD_CHOICE: choice.to_document()}
        fitted, validation = self._predictor.with_heads(heads, training=training), request.validation
        return Engine(fitted.calibrated(validation.features, validation.targets, validation.prompts))

    @property
    def head_choice(self) -> Mapping[str, Any]:
        """Which head was fitted and why, as it stands in the checkpoint; empty before any fitting."""
        choice: Mapping[str, Any] = self._predictor.training.get("heads", {}).get(HEAD_CHOICE, {})
        return choice

    def checkpoint(self) -> CheckpointContent:
        """The self-contained checkpoint, for storage."""
        return CheckpointContent(*self._predictor.to_bytes())


def _scored_images(scored: ScoredFeatures, scales: Mapping[str, Scale]) -> ScoredImages:
    return ScoredImages(scored.features, scored.prompts, scored.targets, scales, scored.patients)


def read_frames(frames: Sequence[FrameSource]) -> FloatArray:
    """The frames in modality units, float32 [slices, rows, columns]; colours as luminance.

    Raises:
        UnscorableImage: there are none, or they differ in size.
    """
    return stacked(_planes(frames), len(frames))


def _planes(frames: Sequence[FrameSource]) -> Iterator[FloatArray]:
    for frame in frames:
        stored_format = FrameFormat.from_json(dict(frame.frame_format))
        stored = decode_stored(storage.read(frame.name))
        values = to_modality_units(stored, stored_format, frame.frame_index)
        yield luminance(values) if values.ndim == 3 else values


def _voxels(source: ImageSource) -> int:
    return sum(int(frame.frame_format["rows"]) * int(frame.frame_format["columns"]) for frame in source.frames)


def _sparse_rows(source: ImageSource) -> FloatArray:
    """Every n-th row of every slice, as many as SALIENCE_VOXELS allows; within a row all pixels."""
    step = max(1, -(-_voxels(source) // SALIENCE_VOXELS))
    return stacked((plane[::step] for plane in _planes(source.frames)), len(source.frames))


def _image_array(source: ImageSource, pixels: FloatArray) -> ImageArray:
    stored = FrameFormat.from_json(dict(source.frames[0].frame_format))
    return ImageArray(
        pixels=pixels, prompt=source.prompt, window=source.window, is_inverted=source.is_inverted,
        spacing_mm=source.spacing_mm, screen=SCREEN if stored.is_as_shown else None,
    )  # fmt: skip
