"""The settings of a pre-training, and the places where it keeps what it can be taken up from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.mediqa.pretraining.state import TrainingState

WHOLE_PART = "whole"  # how the names of the weights of what looks at slices as a whole begin
# The least that each of these settings may be; two copies of an image are what is ranked.
LEAST = {"steps": 1, "per_modality": 1, "copies": 1, "generated": 0, "variants": 0, "crops_per_step": 1}
LEAST |= {"images_per_step": 1, "copies_per_image": 2, "volumes": 1, "whole_steps": 1}


def is_learnt(part: str, names: Sequence[str]) -> bool:
    """Whether a part learns: it, a part of it or what it belongs to is named; without any names all parts do."""
    return not names or any(name.startswith(part) or part.startswith(name) for name in names)


@dataclass(frozen=True)
class PretrainingConfig:
    """How the network is trained. ``minutes`` bounds the training itself and makes its length depend on
    the machine; ``steps`` makes it the same everywhere."""

    seed: int = 0
    profile: str = "small"  # of ``profiles.PROFILES``
    steps: int = 2000
    whole_steps: int | None = None  # of what looks at slices as a whole; as many as ``steps`` where nothing is said
    minutes: float | None = None
    per_modality: int = 500  # real slices, at most
    copies: int = 4  # of each slice, more in rare modalities
    generated: int = 40  # images of each generated sort
    variants: int = 0  # of the contents of each modality
    crops: int = 3  # cut from each copy
    crops_per_step: int = 1  # seen beside the whole view in one step
    images_per_step: int = 6  # more on a GPU
    copies_per_image: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    factor_dropout: float = 0.15
    feature_dropout: float = 0.15  # of the channels of a slice's tokens, before the heads
    crops_only: float = 0.25  # share of steps without the view of the whole slice
    volumes: int = 1500  # simulated for the prior
    learns: tuple[str, ...] = ()  # names of the parts that learn where a training goes on; all of them without any

    def __post_init__(self) -> None:
        """Refuse what nothing could be trained with.

        Raises:
            ValueError: says which setting, and what it may be.
        """
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}; it must be {least} or more.")
        for name, value in (("minutes", self.minutes), ("learning_rate", self.learning_rate)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value:g}; it must be more than 0.")

    def trains(self, part: str) -> bool:
        """Whether a part of the network, as encoder, learns."""
        return is_learnt(part, self.learns)

    @property
    def trains_patches(self) -> bool:
        """Whether anything learns but what looks at slices as a whole, for which patches need not be encoded."""
        return not self.learns or any(not name.startswith(WHOLE_PART) for name in self.learns)

    @property
    def steps_of_whole(self) -> int:
        return self.steps if self.whole_steps is None else self.whole_steps

    def share(self, state: TrainingState) -> float:
        """Return how much of the training is over."""
        return state.seconds / (60 * self.minutes) if self.minutes is not None else state.step / self.steps


@dataclass(frozen=True)
class Places:
    """Where a training keeps what it can be taken up from; None keeps nothing."""

    pool: Path | None = None  # folder of tiles
    state: Path | None = None
    log: Path | None = None
    whole_log: Path | None = None
    workers: int = 1  # processes that degrade images
    save_every_seconds: float = 120.0
    log_every_steps: int = 25
