"""What services ask of a loaded model, without importing one: `inference.engine.Engine` fulfils it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inference.mediqa.types import DoubleArray, Features, PreparedImage, Prompt, Scale, Scored
from inference.sources import ImageSource

FitProgress = Callable[[str, int, int, float], None]  # phase, step, total, loss


@dataclass(frozen=True)
class CheckpointContent:
    """A self-contained checkpoint: safetensors and its JSON document."""

    weights: bytes
    document: bytes
    is_shipped: bool = False  # it came with the installation, not from a file of somebody's own


@dataclass(frozen=True)
class ScoredFeatures:
    """n Images: their features, prompts, patients (keys) and, by Criterion, the consensus [n], nan where none is."""

    features: Sequence[Features]
    prompts: Sequence[Prompt]
    patients: Sequence[str]
    targets: Mapping[str, DoubleArray]
    image_ids: Sequence[int] = ()

    def of(self, image_ids: Container[int]) -> ScoredFeatures:
        """Those of some Images only."""
        rows = [row for row, image_id in enumerate(self.image_ids) if image_id in image_ids]
        return ScoredFeatures(
            features=[self.features[row] for row in rows],
            prompts=[self.prompts[row] for row in rows],
            patients=[self.patients[row] for row in rows],
            targets={key: target[rows] for key, target in self.targets.items()},
            image_ids=[self.image_ids[row] for row in rows],
        )


@dataclass(frozen=True)
class FitRequest:
    """A training of heads. `training` goes into the checkpoint: what it was trained on, no identifiers.

    validation: intervals are calibrated on what has a score there (see `intervals`).
    """

    train: ScoredFeatures
    validation: ScoredFeatures
    scales: Mapping[str, Scale]
    config: Mapping[str, Any]
    seed: int
    training: Mapping[str, Any]


class Encoder(Protocol):
    features_version: str
    batch_size: int

    def prepare(self, source: ImageSource) -> PreparedImage:
        """Called in threads. Raises UnscorableImage."""

    def encode(self, prepared: Sequence[PreparedImage]) -> list[Features]: ...


class Scorer(Encoder, Protocol):
    def score(
        self, features: Sequence[Features], prompts: Sequence[Prompt], scales: Mapping[str, Scale]
    ) -> list[Scored]: ...


class Trainer(Scorer, Protocol):
    @property
    def head_choice(self) -> Mapping[str, Any]:
        """Which head was fitted and why (`mediqa.heads.choosing.HeadChoice`); empty before any fitting."""

    def fit(self, request: FitRequest, on_progress: FitProgress) -> Trainer: ...

    def checkpoint(self) -> CheckpointContent: ...


class Reporter(Protocol):
    """Hears how far the work is, and may raise JobCancelled or LeaseLost: `annotations.services.jobs.Progress`."""

    def report(self, *, done: int, total: int, phase: str = "", message: str = "") -> None: ...
