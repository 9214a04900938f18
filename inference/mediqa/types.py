"""The values that cross the border of the package. numpy only, immutable, shapes in the comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from inference.mediqa.errors import MediqaError

FloatArray: TypeAlias = npt.NDArray[np.float32]
HalfArray: TypeAlias = npt.NDArray[np.float16]
IndexArray: TypeAlias = npt.NDArray[np.int64]
DoubleArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prompt:
    """What the network is told about an image: four factors, each a word of ``prompt``'s tables."""

    dimension: str = "unknown"
    modality: str = "unknown"
    region: str = "unknown"
    image_type: str = "unknown"


@dataclass(frozen=True)
class Scale:
    """A Criterion's scale. ``is_higher_better`` False: a high score names a bad image (noise, artefacts)."""

    minimum: float
    maximum: float
    is_higher_better: bool = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.minimum) and np.isfinite(self.maximum) and self.minimum < self.maximum):
            raise ValueError(f"A scale needs minimum < maximum, not {self.minimum} and {self.maximum}.")

    @property
    def span(self) -> float:
        return self.maximum - self.minimum


SCREEN = (0.0, 255.0)  # black and white of 8 bits


@dataclass(frozen=True)
class ImageArray:
    """One image as it is judged: a 2-D image has one slice.

    pixels: float32 [slices, rows, columns] in modality units (after the modality LUT; HU for CT),
    in anatomical order. window: (center, width) in the same units, from the header or None.
    is_inverted: MONOCHROME1. spacing_mm: (between slices or None, between rows, between columns) or None.
    judged: the slices that are judged, where the others only lie beside them; None is all. screen: the values that were
    shown black and white, where the image is stored as a screen showed it; None where it is not, or nobody knows.
    """

    pixels: FloatArray
    prompt: Prompt
    window: tuple[float, float] | None = None
    is_inverted: bool = False
    spacing_mm: tuple[float | None, float, float] | None = None
    judged: tuple[int, ...] | None = None
    screen: tuple[float, float] | None = None


@dataclass(frozen=True)
class PreparedImage:
    """What the encoder sees of an image.

    tiles: float16 [K, T, V, S, S], tile 0 is the whole slice, the others are crops at native resolution;
    channel 0 is the wide window, channel 1 the narrow one, and channel 2, for networks that look across slices, how
    far the slice lies from the two beside it (``preprocessing.across``). tile_boxes: float32 [K, T, 4], (row0, col0,
    row1, col1) in native pixels. salience: float32 [slices], one number for every slice of the image.
    """

    tiles: HalfArray
    tile_boxes: FloatArray
    slice_indices: IndexArray  # [K]
    salience: FloatArray
    prompt: Prompt


@dataclass(frozen=True)
class Features:
    """What the frozen encoder says about an image; all that scoring and fine-tuning need.

    Tokens of tile t are ``tokens[:, t * N // T : (t + 1) * N // T]``, a square grid in row order over
    ``tile_boxes[:, t]``: the patch-weight map can be drawn from them.
    """

    embedding: FloatArray  # [D]
    tokens: HalfArray  # [K, N, C]
    slice_indices: IndexArray  # [K]
    salience: FloatArray  # [slices]
    tile_boxes: FloatArray  # [K, T, 4]
    prompt_codes: IndexArray  # [factors], what the encoder was told; 0 unknown
    prompt_confidence: FloatArray  # [factors], 1 where a person or a header said it, 0 where it is unknown

    @property
    def patch_numbers(self) -> int:
        """How many numbers at the head of the embedding are of the patches, mean and spread: 2 C of 2 C + W, where a
        token has C + W, W of them of the slice as a whole."""
        return 2 * (int(self.embedding.shape[-1]) - int(self.tokens.shape[-1]))

    def to_bytes(self) -> bytes:
        """Return the features as safetensors, for a cache."""
        return save_safetensors({field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)})

    @classmethod
    def from_bytes(cls, content: bytes) -> Features:
        """Read what ``to_bytes`` wrote; raises MediqaError where the content is something else."""
        try:
            return cls(**load_safetensors(content))
        except Exception as error:
            raise MediqaError("Cached features can't be read; encode the image again.") from error


@dataclass(frozen=True)
class CriterionScore:
    """A model's score on one Criterion, in the Criterion's units.

    ``lower`` and ``upper`` bound an interval at the level that was asked for. ``is_prior``: no expert
    score stands behind it; it is the pre-training's idea of quality, mapped to the scale.
    """

    quality: float
    epistemic_std: float
    aleatoric_std: float
    lower: float
    upper: float
    is_prior: bool


@dataclass(frozen=True)
class Scored:
    """Everything that a model says about one image.

    physical: predicted acquisition, names end in their unit (``relative_dose`` .4 = "as if at 40 % of
    the dose"). ood_distance: the larger of those to the images of the pre-training and, once heads are
    fitted, to the scored ones; 1.0 is what 5 % of images reach.
    """

    scores: Mapping[str, CriterionScore]
    slice_weights: FloatArray  # [K], sums to 1
    patch_weights: FloatArray  # [K, N], those of a slice sum to 1; ``explanations.patch_maps`` draws them
    physical: Mapping[str, float]
    ood_distance: float
