"""What decides the shapes of a network: one configuration for each profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from inference.mediqa.physics.degradations import KINDS
from inference.mediqa.physics.headers import HEADER_PARAMETERS
from inference.mediqa.preprocessing import PreprocessingConfig
from inference.mediqa.prompt import VOCABULARY


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides shapes; stored in the checkpoint. The defaults are the profile ``small``."""

    encoder: str = "compact"  # a name of ``encoders.ENCODERS``
    tile: int = 128  # pixels on a side of what the encoder sees
    crops: int = 3  # at native resolution, beside one view of the whole slice
    slices: int = 5  # of a volume, at most
    patch: int = 16  # pixels on a side of a token
    widths: tuple[int, ...] = (16, 32, 64, 96)  # channels of the convolutional stages, each halves the side
    channels: int = 96  # of a token
    depth: int = 0  # transformer blocks of the hybrid encoder
    taps: tuple[int, ...] = ()  # of the published encoder: blocks whose outputs are read together
    external: str = ""  # configuration of a foreign encoder, JSON of the transformers library
    window: int = 4  # tokens on a side
    heads: int = 4
    stages: int = 1
    prompt_size: int = 32
    pooled_grid: int = 4  # tokens kept of a tile: pooled_grid ** 2
    kinds: tuple[str, ...] = KINDS
    header_parameters: tuple[str, ...] = HEADER_PARAMETERS
    projection_size: int = 48
    vocabulary: tuple[int, ...] = tuple(len(words) for words in VOCABULARY.values())
    looks_across: bool = True  # whether tiles have the third channel, the slice against those beside it
    whole_size: int = 64  # numbers of a token that are of the slice as a whole; 0: patches alone are judged
    whole_hidden: int = 104  # between its statistics and these
    whole_textures: bool = True  # whether the textures of all tiles are among its statistics, and prompts gate them
    whole_floored: bool = True  # whether padding counts there as no darker than the window's floor
    keeps_screen: bool = True  # whether tiles keep how bright a screen showed ultrasound and photographs
    generation: int = 2  # 1: before the multi-task pre-training and the profiles, without its heads

    def __post_init__(self) -> None:
        if self.grid % self.pooled_grid or self.grid % self.window:
            raise ValueError(
                f"A grid of {self.grid} can't be cut into {self.pooled_grid} cells and windows of {self.window}."
            )

    @property
    def grid(self) -> int:
        """Side of the token grid of a tile before pooling."""
        return self.tile // self.patch

    @property
    def views(self) -> int:
        """Channels of a tile."""
        return 3 if self.looks_across else 2

    @property
    def tiles(self) -> int:
        return self.crops + 1

    @property
    def tokens(self) -> int:
        """Cached tokens of a slice."""
        return self.tiles * self.pooled_grid**2

    @property
    def token_size(self) -> int:
        """Numbers of a cached token: those of its patch, then those of the slice as a whole."""
        return self.channels + self.whole_size

    @property
    def embedding_size(self) -> int:
        return 2 * self.channels + self.whole_size

    @property
    def preprocessing(self) -> PreprocessingConfig:
        return PreprocessingConfig(
            tile=self.tile, crops=self.crops, slices=self.slices, looks_across=self.looks_across,
            keeps_screen=self.keeps_screen,
        )  # fmt: skip

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> NetworkConfig:
        """Read ``to_document``, older ones too; raises TypeError for unknown fields."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
        }
        older = WITHOUT_LATER_PARTS if "encoder" in values else FIRST_GENERATION
        return cls(**{**older, **values})


WITHOUT_LATER_PARTS: Mapping[str, Any] = {
    "looks_across": False, "whole_size": 0, "whole_hidden": 192, "whole_textures": False,
    "whole_floored": False, "keeps_screen": False,
}  # fmt: skip
FIRST_GENERATION: Mapping[str, Any] = {**WITHOUT_LATER_PARTS, "encoder": "residual", "generation": 1}
PROFILES: Mapping[str, NetworkConfig] = {
    "small": NetworkConfig(),  # for CPUs
    "base": NetworkConfig(  # for GPUs: convolutions, then a transformer
        encoder="hybrid", tile=224, widths=(48, 96, 192, 384), channels=384, depth=8, heads=6, window=7, stages=2,
        prompt_size=64, pooled_grid=7, projection_size=128,
    ),
    "paper": NetworkConfig(  # the published shape: ViT-B/8, blocks 6 to 9, two stages; one whole view of 7 slices
        encoder="paper", tile=224, patch=8, crops=0, slices=7, widths=(768, 384), channels=384,
        taps=(6, 7, 8, 9), prompt_size=64, pooled_grid=7, projection_size=128, looks_across=False, whole_size=0,
    ),
    "external": NetworkConfig(  # a foreign encoder, frozen, under our attention
        encoder="external", tile=224, channels=256, widths=(), window=7, prompt_size=64, pooled_grid=7,
        projection_size=128,
    ),
}  # fmt: skip
